"""Compiles `csp` and `csrf` of routes, the protection of pages in browsers."""

from collections.abc import Iterator

from hapiish import options as model
from hapiish.compile.names import Names
from hapiish.declare.option import derive
from hapiish.http.exchange.route import Finalizer, Step
from hapiish.http.guards import csp
from hapiish.http.guards.csrf import Csrf, csrf_step


class ProtectCompiler:
    """Compiles CSP policies, once per distinct settings, and CSRF steps."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def policy(self, settings: model.Csp | None) -> csp.CspPolicy | None:
        """Returns the policy of `csp`; None if off."""
        return self.names.once(csp.CspPolicy, settings) if settings is not None else None

    def nonces(self, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        """Yields the step that provides nonces, before the first user function."""
        policy = self.policy(options.csp)
        if policy is not None and policy.nonces:
            yield self.names.once(csp.nonces_step, policy), False

    def finalizers(self, options: model.RouteOptions) -> Iterator[Finalizer]:
        """Yields the finalizer that sets a policy with nonces."""
        policy = self.policy(options.csp)
        if policy is not None and policy.nonces:
            yield self.names.once(csp.nonces_finalizer, policy)

    def csrf(self, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        """Yields the step after authorization that verifies the CSRF token."""
        settings = options.csrf
        if settings is not None:
            skip = self.names.function(settings.skip) if settings.skip is not None else None
            yield csrf_step(derive(Csrf, settings, skip=skip)), True
