"""`hapiish hash`: hashes a password or an API key for the schemes basic and apiKey."""

import argparse
import sys
from getpass import getpass

from hapiish.http.auth.secrets import hash_key, hash_password


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish hash`."""
    parser.add_argument("--key", action="store_true", help="hash an API key (long and random) instead of a password")


def main(options: argparse.Namespace) -> int:
    """Prints the hash of a line of standard input, or of hidden terminal input."""
    kind = "key" if options.key else "password"
    secret = getpass(f"{kind}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not secret:
        print(f"there is no {kind} to hash", file=sys.stderr)
        return 2
    print(hash_key(secret) if options.key else hash_password(secret))
    return 0
