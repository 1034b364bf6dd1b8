"""Every error of Countenance, in one tree.

CountenanceError
├── ServiceError                       answered to a caller: each class names its AWS code
│   ├── framework                      about the request as such; in no operation's model
│   │   SerializationException, ValidationException, UnknownOperationException,
│   │   UnsupportedOperationException, RequestEntityTooLargeException, RequestTimeoutException,
│   │   MissingAuthenticationTokenException, IncompleteSignatureException,
│   │   UnrecognizedClientException, InvalidSignatureException, ExpiredTokenException
│   └── modeled                        declared by the operation's model
│       AccessDeniedException, ConflictException, IdempotentParameterMismatchException,
│       ImageTooLargeException, InternalServerError, InvalidImageFormatException,
│       InvalidPaginationTokenException, InvalidParameterException, InvalidS3ObjectException,
│       ProvisionedThroughputExceededException, ResourceAlreadyExistsException,
│       ResourceNotFoundException, ServiceQuotaExceededException, ThrottlingException
├── TooFewTrials                       an error rate was asked for that the trials cannot carry
└── SetupError                         told to whoever installs or runs the server, with the remedy
    └── InvalidEvaluation              a file or value is no evaluation; the message names the member

Messages: lowercase where they are ours and AWS's own words where clients match on them; no final
period where ours, the caller's input in backticks, both numbers of a limit; never an embedding or the
bytes of an image.
"""

from __future__ import annotations

from typing import ClassVar


class CountenanceError(Exception):
    """Base of every error that this package raises on purpose."""


class SetupError(CountenanceError):
    """Something about the installation is wrong; the message names it, `remedy` says how to mend it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message if not remedy else f"{message}: {remedy}")
        self.problem = message
        self.remedy = remedy


class InvalidEvaluation(SetupError):
    """Not an evaluation as docs/spec/evaluation.md says; the message names the first member that is wrong."""


class TooFewTrials(CountenanceError):
    """An error rate was asked for that so few trials cannot show.

    `trials_needed` is how many independent ones it would take, None where nobody can say.
    """

    def __init__(self, message: str, *, trials_needed: int | None = None) -> None:
        super().__init__(message)
        self.trials_needed = trials_needed


class ServiceError(CountenanceError):
    """Answered to the caller as `__type` and message.

    `code` is the class's name: AWS's spelling of the error. `modeled` says whether the service
    model declares it (which decides the key of the message on the wire: `Message` or `message`).
    `limit` is the name of the limit of ours that was reached (`telemetry.names.LIMITS`), if one was.
    """

    status: ClassVar[int] = 400
    modeled: ClassVar[bool] = True
    default_message: ClassVar[str] = ""

    def __init__(self, message: str = "", *, limit: str = "") -> None:
        super().__init__(message or self.default_message)
        self.limit = limit

    @property
    def code(self) -> str:
        return type(self).__name__

    @property
    def message(self) -> str:
        return str(self.args[0])


class FrameworkError(ServiceError):
    """About the request as such, before any operation: in no operation's model."""

    modeled = False


class SerializationException(FrameworkError):
    """The body is not JSON or a member has the wrong JSON type."""


class ValidationException(FrameworkError):
    """A constraint of the service model is not met."""


class UnknownOperationException(FrameworkError):
    """X-Amz-Target is missing or names no operation."""


class UnsupportedOperationException(FrameworkError):
    """The operation exists on AWS and is not offered here yet."""


class RequestEntityTooLargeException(FrameworkError):
    """The body is longer than any request of the service can be."""

    status = 413


class RequestTimeoutException(FrameworkError):
    """The body stopped arriving, or arrives too slowly to wait for."""

    status = 408
    default_message = "The request's body did not arrive in time"


class MissingAuthenticationTokenException(FrameworkError):
    """The request is not signed."""

    default_message = "Request is missing Authentication Token"


class IncompleteSignatureException(FrameworkError):
    """The Authorization header lacks a part."""


class UnrecognizedClientException(FrameworkError):
    """Unknown access key or session token."""

    default_message = "The security token included in the request is invalid."


class InvalidSignatureException(FrameworkError):
    """The signature does not match, is out of time, or is scoped to another region or service."""

    default_message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )


class ExpiredTokenException(FrameworkError):
    """Temporary credentials are past their expiry."""

    default_message = "The security token included in the request is expired"


class AccessDeniedException(ServiceError):
    """Policy does not allow the call."""


class ConflictException(ServiceError):
    """The thing exists already, or changes under the caller."""


class IdempotentParameterMismatchException(ServiceError):
    """A ClientRequestToken came back with other parameters."""


class ImageTooLargeException(ServiceError):
    """More bytes or pixels than the operation takes."""

    default_message = "Image size is too large"


class InternalServerError(ServiceError):
    """Our fault; also when the call could not be recorded."""

    status = 500
    default_message = "Internal server error"


class InvalidImageFormatException(ServiceError):
    """Not a JPEG or PNG, or a broken one."""

    default_message = "Request has invalid image format"


class InvalidPaginationTokenException(ServiceError):
    """NextToken is not one that this list gave out."""

    default_message = "Invalid Pagination Token"


class InvalidParameterException(ServiceError):
    """A well-formed request that makes no sense."""

    default_message = "Request has invalid parameters"


class InvalidS3ObjectException(ServiceError):
    """The S3 object is not there or may not be read."""

    default_message = (
        "Unable to get object metadata from S3. Check object key, region and/or access permissions."
    )


class ProvisionedThroughputExceededException(ServiceError):
    """The account calls more often than it may, or the object store behind `S3Object` asks to slow down."""

    default_message = "Provisioned Rate exceeded"


class ResourceAlreadyExistsException(ServiceError):
    """A collection of that id exists."""


class ResourceNotFoundException(ServiceError):
    """No such resource in this account."""


class ServiceQuotaExceededException(ServiceError):
    """A quota on what is stored."""


class ThrottlingException(ServiceError):
    """Too much at once; clients retry."""

    default_message = "Slow down; sudden increase in rate of requests"
