"""DICOM over TLS: the node's certificate, and whom it believes, on its receiving and on its sending side."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from transmodal.errors import InputError, UsageError
from transmodal.storage import files, regular

_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files of PEM by which a node shows who it is and knows others.

    Attributes:
        certificate: of the node, with those between it and its authority; with it the node listens over TLS alone.
        key: of the certificate, not encrypted.
        authorities: certificates of the authorities that senders' and the destination's certificates are signed by.
    """

    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None

    def check(self, *, is_destination_over_tls: bool) -> None:
        """Refuse files that do not go together.

        Raises:
            UsageError: E004.
        """
        if (self.certificate is None) != (self.key is None):
            option, missing = (
                ("--tls-key", "--tls-cert") if self.certificate is None else ("--tls-cert", "--tls-key")
            )
            raise UsageError("E004", f"{option} without {missing}", "both", f"Give {missing} FILE too.")
        if is_destination_over_tls and self.authorities is None:
            raise UsageError(
                "E004",
                "a destination over TLS without --tls-ca",
                "the certificate of the authority that signed the destination's",
                "Give it: --tls-ca FILE. A certificate that signed itself is its own authority.",
            )
        if self.authorities is not None and self.certificate is None and not is_destination_over_tls:
            raise UsageError(
                "E004",
                "--tls-ca of a node that neither listens nor sends over TLS",
                "--tls-cert and --tls-key, or tls: true of the destination",
                "Give the certificate of the node: --tls-cert FILE --tls-key FILE.",
            )

    def server_context(self) -> ssl.SSLContext | None:
        """Return how senders are answered; None without a certificate, in the clear.

        With authorities a sender has to show a certificate of theirs.

        Raises:
            InputError: E100, E101 for a file that is not there or is no PEM of its kind.
            UsageError: E004 for a key of another certificate.
        """
        if self.certificate is None:
            return None
        context = _LateHandshake(ssl.PROTOCOL_TLS_SERVER)
        self._load(context)
        if self.authorities is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return how the destination is called: its certificate is of the authorities and names its host.

        Raises:
            InputError, UsageError: as `server_context`.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._load(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # as BCP 195, and with it PS3.15, has it
        if self.authorities is not None:
            _check_file(self.authorities, "--tls-ca")
            try:
                context.load_verify_locations(self.authorities)
            except ssl.SSLError as error:
                raise _bad_file(self.authorities, "--tls-ca", "certificates in PEM") from error
        if self.certificate is None or self.key is None:
            return
        for path, option in ((self.certificate, "--tls-cert"), (self.key, "--tls-key")):
            _check_file(path, option)
        try:
            # An empty password, so that nothing asks for that of an encrypted key at the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise UsageError(
                    "E004",
                    f"{self.key.name} is not the key of {self.certificate.name}",
                    "the certificate's own key",
                    "Give the two that were made together: --tls-cert FILE --tls-key FILE.",
                ) from error
            if not _is_certificate(self.certificate):
                raise _bad_file(self.certificate, "--tls-cert", "a certificate in PEM") from error
            raise _bad_file(self.key, "--tls-key", "a key in PEM that is not encrypted") from error


class _LateHandshake(ssl.SSLContext):
    """Shakes hands when the first bytes are read: in the thread of the sender, under its patience.

    pynetdicom accepts connections in one thread; a sender that is silent would keep all others waiting there.
    """

    def wrap_socket(
        self,
        sock: socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """Wrap a socket, and shake no hands yet."""
        return super().wrap_socket(sock, server_side, False, suppress_ragged_eofs, server_hostname, session)


def _check_file(path: Path, option: str) -> None:
    """Refuse what is no file that can be read.

    Raises:
        InputError: E100.
        ResourceError: E403.
    """
    if not path.exists():
        raise InputError(
            "E100",
            f"{path} of {option} does not exist",
            "a file of PEM",
            "Check the path, or make it with openssl.",
        )
    with files.reading_errors(path, "a file of PEM"):
        regular.read_text(path, _BYTES)


def _is_certificate(path: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return False
    return True


def _bad_file(path: Path, option: str, expected: str) -> InputError:
    return InputError(
        "E101",
        f"{path.name} of {option} cannot be used",
        expected,
        "Convert it: openssl x509 -in FILE -out FILE.pem for certificates, openssl pkey for keys.",
    )
