"""`csp` and `csrf` of routes: what protects pages in browsers."""

from collections.abc import Iterator

from hapiish import options as model
from hapiish.compile.names import Names
from hapiish.http.exchange.route import Finalizer, Step
from hapiish.http.guards import csp
from hapiish.http.guards.csrf import Csrf, csrf_step
from hapiish.options.declare import derive


class ProtectCompiler:
    """Policies are made once per distinct settings."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def policy(self, given: model.Csp | None) -> csp.CspPolicy | None:
        """The policy of `csp`; None where it is off."""
        return self.names.once(csp.CspPolicy, given) if given is not None else None

    def nonces(self, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        """The step that offers nonces, before anything of the user's."""
        policy = self.policy(options.csp)
        if policy is not None and policy.nonces:
            yield csp.nonces_step(policy), False

    def finalizers(self, options: model.RouteOptions) -> Iterator[Finalizer]:
        """The finalizer of a page with nonces."""
        policy = self.policy(options.csp)
        if policy is not None and policy.nonces:
            yield csp.nonces_finalizer(policy)

    def csrf(self, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        """The step after authorization that demands the token."""
        given = options.csrf
        if given is not None:
            skip = self.names.function(given.skip) if given.skip is not None else None
            yield csrf_step(derive(Csrf, given, skip=skip)), True
