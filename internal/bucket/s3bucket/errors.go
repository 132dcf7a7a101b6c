package s3bucket

import (
	"errors"
	"fmt"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"veriffs/internal/bucket"
)

// code is what the server calls an error; "" if it did not say.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// meaning translates an error of the SDK. What it says of the request itself, such as
// its id, is left out.
func meaning(err error) error {
	if err == nil {
		return nil
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return shorten(err)
	}
	said := fmt.Errorf("%s: %s", clip(api.ErrorCode()), clip(api.ErrorMessage()))
	switch api.ErrorCode() {
	case "NoSuchKey", "NotFound", "NoSuchVersion":
		return fmt.Errorf("%w: %w", bucket.ErrNotFound, said)
	case "NoSuchBucket":
		return fmt.Errorf("%w: %w", bucket.ErrNoBucket, said)
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException":
		return fmt.Errorf("%w: %w", bucket.ErrConfig, said) // another region
	}
	if status(err) == http.StatusForbidden || status(err) == http.StatusUnauthorized {
		return fmt.Errorf("%w: %w", bucket.ErrDenied, said)
	}
	return said
}

// shorten leaves the innermost errors of those that wrap a request that got no answer.
func shorten(err error) error {
	var sent *smithy.OperationError
	if errors.As(err, &sent) {
		err = sent.Err
	}
	return err
}

// status is the HTTP status of an error, 0 if there was no answer.
func status(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}
