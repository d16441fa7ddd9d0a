"""`hapiish completion`: prints a script that lets bash, zsh or fish complete commands, options and tables.

The script is made of the parsers and calls no Python, so that a Tab takes no time. After an update of hapiish, a shell
that reads it at its start has the new one.
"""

import argparse
from collections.abc import Callable, Mapping
from shlex import quote
from typing import Final

from hapiish.cli.manual import Argument, arguments
from hapiish.commands import COMMANDS

BASH: Final = """\
# Completion of hapiish for bash. In ~/.bashrc:  eval "$(hapiish completion bash)"
_hapiish() {
    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" command="" index
    # bash makes `=` a word of its own: `--format=json` is three.
    if [ "$word" = "=" ]; then word=""; elif [ "$before" = "=" ]; then before="${COMP_WORDS[COMP_CWORD-2]}"; fi
    for ((index = 1; index < COMP_CWORD; index++)); do
        case "${COMP_WORDS[index]}" in -*) ;; *) command="${COMP_WORDS[index]}"; break ;; esac
    done
    COMPREPLY=()
    case "$command" in
    "") COMPREPLY=($(compgen -W "@COMMANDS@ --help --version" -- "$word")) ;;
@CASES@
    esac
}
_hapiish_files() { # completes files: all of them, or tables; folders lead to both
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    if [ "$1" = table ]; then
        COMPREPLY+=($(compgen -d -- "$word"; compgen -f -X '!*.yaml' -- "$word"; compgen -f -X '!*.yml' -- "$word"))
    else
        COMPREPLY+=($(compgen -f -- "$word"))
    fi
}
complete -F _hapiish hapiish"""

ZSH: Final = """\
#compdef hapiish
# Completion of hapiish for zsh. In ~/.zshrc, after compinit:  eval "$(hapiish completion zsh)"
_hapiish() {
    local -a commands
    local state line
    commands=(
@COMMANDS@
    )
    _arguments -C '(- *)'{-h,--help}'[show help]' '(- *)--version[show the version]' '1: :->command' '*:: :->argument'
    case "$state" in
    command) _describe -t commands command commands ;;
    argument)
        case "$words[1]" in
@CASES@
        esac ;;
    esac
}
if [ "$funcstack[1]" = _hapiish ]; then _hapiish "$@"; else compdef _hapiish hapiish; fi"""

FISH: Final = """\
# Completion of hapiish for fish. In ~/.config/fish/config.fish:  hapiish completion fish | source
complete -c hapiish -f
complete -c hapiish -n __fish_use_subcommand -s h -l help -d 'show help'
complete -c hapiish -n __fish_use_subcommand -l version -d 'show the version'"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish completion`."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def main(options: argparse.Namespace) -> int:
    """Prints the script."""
    print(SHELLS[options.shell]())
    return 0


def bash() -> str:
    """Returns the script for bash."""
    cases = [_bash_case(name, arguments(name)) for name in COMMANDS]
    return BASH.replace("@COMMANDS@", " ".join(COMMANDS)).replace("@CASES@", "\n".join(cases))


def _bash_case(name: str, given: list[Argument]) -> str:
    valued = [each for each in given if each.flags and each.value]
    lines = [f"    {name})", '        case "$before" in']
    lines += [f"        {'|'.join(each.flags)}) {_bash_values(each)}; return ;;" for each in valued]
    flags = " ".join(flag for each in given for flag in each.flags)
    lines += ["        esac", '        case "$word" in']
    lines.append(f'        -*) COMPREPLY=($(compgen -W "{f"{flags} --help".strip()}" -- "$word")) ;;')
    positional = [_bash_values(each) for each in given if not each.flags and (each.choices or each.takes_file)]
    lines += [f"        *) {'; '.join(positional) or ':'} ;;", "        esac ;;"]
    return "\n".join(lines)


def _bash_values(given: Argument) -> str:
    if given.choices:
        return f'COMPREPLY=($(compgen -W "{" ".join(given.choices)}" -- "$word"))'
    if given.takes_file:
        return f"_hapiish_files {'table' if given.takes_table else 'any'}"
    return ":"


def zsh() -> str:
    """Returns the script for zsh."""
    texts = {name: command.help.replace(":", "\\:") for name, command in COMMANDS.items()}
    commands = [f"        {quote(f'{name}:{text}')}" for name, text in texts.items()]
    cases = []
    for name in COMMANDS:
        specs = [spec for each in arguments(name) for spec in _zsh_specs(each)]
        cases.append(f"        {name}) _arguments '(- *)'{{-h,--help}}'[show help]' {' '.join(map(quote, specs))} ;;")
    return ZSH.replace("@COMMANDS@", "\n".join(commands)).replace("@CASES@", "\n".join(cases))


def _zsh_specs(given: Argument) -> list[str]:
    text = given.help.translate({ord(sign): f"\\{sign}" for sign in "[]:"})
    action = f"({' '.join(given.choices)})" if given.choices else ""
    if given.takes_file:
        action = '_files -g "*.(yaml|yml)(-.)"' if given.takes_table else '_files -g "*"'
    value = f":{(given.value or '').replace(':', '')}:{action}"
    if not given.flags:
        return [f":{value}" if not given.is_required else value]
    return [f"{flag}[{text}]{value if given.value else ''}" for flag in given.flags]


def fish() -> str:
    """Returns the script for fish."""
    lines = [FISH]
    for name, command in COMMANDS.items():
        lines.append(f"complete -c hapiish -n __fish_use_subcommand -a {name} -d {_fish(command.help)}")
        seen = f"complete -c hapiish -n '__fish_seen_subcommand_from {name}'"
        for each in arguments(name):
            words = [seen]
            words += [f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in each.flags]
            if each.choices:
                words += ["-x"] if each.flags else []
                words.append(f"-a {_fish(' '.join(each.choices))}")
            elif each.takes_table:
                words.append("-k -a '(__fish_complete_suffix .yaml; __fish_complete_suffix .yml)'")
            elif each.takes_file:
                words.append("-r -F" if each.flags else "-F")
            elif each.flags and each.value:
                words.append("-x")
            elif not each.flags:
                continue
            lines.append(" ".join([*words, f"-d {_fish(each.help)}"]))
    return "\n".join(lines)


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: Final[Mapping[str, Callable[[], str]]] = {"bash": bash, "zsh": zsh, "fish": fish}
