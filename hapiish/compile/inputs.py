"""Compiles payload options and the validation of inputs and responses to steps."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from hapiish import options as model
from hapiish.compile.names import ByText, Names
from hapiish.declare.option import derive
from hapiish.http.body.payload import clear_uploads, payload_step, stores
from hapiish.http.content.compression import LIBRARIES
from hapiish.http.content.json_format import Format
from hapiish.http.exchange.route import Step
from hapiish.http.validation.coerce import compile_coercer, compile_defaults, compile_stripper
from hapiish.http.validation.failure import OnFailure
from hapiish.http.validation.inputs import Convert, Source, function_step, together_step, validate_step
from hapiish.http.validation.outputs import Validate, by_function, by_schema, validate_response_step
from hapiish.http.validation.strip_unknown import compile_judge
from hapiish.http.validation.validator import Judge, Validator, compile_schema
from hapiish.realtime.socketio.attachments import for_attachments
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.types import AsyncHandler, Json

SOURCES: tuple[Source, ...] = ("headers", "params", "query", "payload", "state")

_ALWAYS_OPEN = frozenset({"headers", "params", "state"})
"""Inputs that always allow unknown keys: clients add headers, other applications add cookies."""


class InputCompiler:
    """Compiles the steps that parse and validate inputs and responses; `names` resolves functions."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.schemas: Mapping[str, Json] = names.table.schemas
        self.most_digits = names.table.server.json.max_digits

    def for_attachments(self) -> "InputCompiler":
        """Returns a compiler for events with attachments."""
        compiler = InputCompiler(self.names)
        compiler.schemas = {name: for_attachments(schema) for name, schema in self.schemas.items()}
        return compiler

    def payload(self, declared: model.Route, options: model.Payload) -> tuple[Step, bool]:
        """Returns the step that reads and parses the payload."""
        return self.names.once(self._payload, options, declared.method == "*", mark=declared.mark), True

    def _payload(self, options: model.Payload, any_method: bool, *, mark: Mark) -> Step:
        names, codings = self.names, options.compression
        for coding, library in LIBRARIES.items():
            is_enabled = getattr(codings, coding) is not None
            if is_enabled and not names.has_package(library):
                codings = replace(codings, **{coding: None})
        folder = Path(names.table.folder, options.uploads) if options.uploads is not None else None
        if folder is not None and not (folder.is_dir() and os.access(folder, os.W_OK)):
            message = f'"payload.uploads": {folder} is not a writable folder'
            names.problems.append(Problem(mark, Code.UPLOADS, message))
        settings = replace(options, compression=codings, uploads=str(folder) if folder is not None else None)
        return payload_step(
            settings,
            names.early_action(options.fail_action),
            any_method=any_method,
            most_digits=self.most_digits,
        )

    def afterwards(self, declared: model.Route | model.Event, options: model.Payload) -> tuple[AsyncHandler, ...]:
        """Returns the functions that clean up after the response: stored uploads are deleted."""
        has_body = isinstance(declared, model.Route) and declared.method != "GET"
        return (clear_uploads,) if has_body and stores(options) else ()

    def validator(self, schema: model.Schema | None) -> Validator | None:
        """Returns the validator of a schema; None if the schema accepts any value."""
        return None if schema is None or schema is True else compile_schema(schema, self.schemas)

    def validations(
        self, declared: model.Route | model.Event | model.Namespace, rules: model.Validate
    ) -> Iterator[tuple[Step, bool]]:
        """Yields the validation steps of the inputs in hapi's order, then the step of `validate.all`.

        Routes share the step of an input with equal rules.
        """
        once, method = self.names.once, getattr(declared, "method", None)
        on_failure = once(self._on_failure, rules.fail_action, rules.status, rules.detail, ByText(rules.error_fields))
        for source in SOURCES:
            rule = getattr(rules, source)
            if rule is None or rule is True or (source == "payload" and method == "GET"):
                continue
            if isinstance(rule, str):
                function = self.names.function(rule)
                yield (
                    function_step(source, function, rules.options, on_failure=on_failure, any_method=method == "*"),
                    True,
                )
                continue
            step = once(self._schema_step, source, ByText(rule), rules.options, on_failure, method == "*")
            yield step, callable(on_failure.fail_action)
        if isinstance(rules.all, str):
            yield function_step("all", self.names.function(rules.all), rules.options, on_failure=on_failure), True
        elif rules.all is not None and rules.all is not True:
            step = once(self._together_step, ByText(rules.all), rules.options.abort_early, on_failure)
            yield step, callable(on_failure.fail_action)

    def _on_failure(
        self, fail_action: str, status: int, detail: Literal["full", "none"], error_fields: ByText
    ) -> OnFailure:
        return OnFailure(
            fail_action=self.names.early_action(fail_action),
            status=status,
            detail=detail,
            error_fields=error_fields.value,
        )

    def _schema_step(
        self, source: Source, rule: ByText, options: model.ValidationOptions, on_failure: OnFailure, any_method: bool
    ) -> Step:
        """Returns the validation step of one input with a schema."""
        schema = rule.value
        if source in _ALWAYS_OPEN:
            options = replace(options, allow_unknown=True, strip_unknown=False)
        strip, is_payload = options.strip_unknown, source == "payload"
        return validate_step(
            source,
            self.judge(schema, options),
            coerce=compile_coercer(schema, self.schemas, files=is_payload, strip=strip, most_digits=self.most_digits),
            defaults=compile_defaults(schema, self.schemas, strip=strip, whole=True) if is_payload else None,
            on_failure=on_failure,
            any_method=any_method,
            most_digits=self.most_digits,
        )

    def _together_step(self, rule: ByText, abort_early: bool, on_failure: OnFailure) -> Step:
        return together_step(compile_judge(rule.value, self.schemas, abort_early=abort_early), on_failure)

    def judge(self, schema: model.Schema, options: model.ValidationOptions) -> Judge:
        """Returns the validator of a schema with `options`."""
        return compile_judge(schema, self.schemas, allow_unknown=options.allow_unknown, abort_early=options.abort_early)

    def response_step(self, declared: model.Route | model.Event, rules: model.ResponseRules) -> Any:
        """Returns the step that validates responses, shared by equal rules; None without rules."""
        if not rules.sample or (rules.schema is None and not rules.status):
            return None
        return self.names.once(self._response_step, isinstance(declared, model.Route), ByText(rules))

    def _response_step(self, is_route: bool, given: ByText) -> Any:
        rules: model.ResponseRules = given.value
        return validate_response_step(
            self.response_rule(rules.schema, rules),
            {status: self.response_rule(rule, rules) for status, rule in rules.status.items()},
            empty=rules.empty_status_code if is_route else None,
            sample=rules.sample,
            modify=rules.modify,
            fail_action=self.names.action(rules.fail_action),
        )

    def format(self, options: model.JsonFormat) -> Format | None:
        """Returns the JSON format of responses; None for the default format."""
        replacer = options.replacer
        form = derive(
            Format, options, replacer=self.names.plain_function(replacer) if isinstance(replacer, str) else replacer
        )
        return None if form.is_plain else form

    def response_rule(self, rule: model.Rule | None, rules: model.ResponseRules) -> Validate | None:
        """Returns the validation of responses with one status; None if any response is valid."""
        if rule is None or rule is True:
            return None
        if isinstance(rule, str):
            return by_function(self.names.function(rule), rules.options)
        strip = rules.options.strip_unknown
        change: Convert | None = None
        if rules.modify:
            change = compile_defaults(rule, self.schemas, strip=strip)
        elif strip:
            change = compile_stripper(rule, self.schemas)
        return by_schema(self.judge(rule, rules.options), change)
