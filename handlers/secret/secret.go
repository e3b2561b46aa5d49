// Package secret reads secrets from the environment: the value of a variable, or the
// content of the file that the variable of that name with _FILE behind it names. A
// configuration holds only names of variables.
package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"scrapelog/domain"
)

// maxFile bounds the file of a secret.
const maxFile = 64 << 10

// Error reports a secret that cannot be read. Its text has the name of the variable,
// never its value.
type Error struct{ Variable, Problem string }

func (e *Error) Error() string {
	return fmt.Sprintf("environment variable %s %s", e.Variable, e.Problem)
}

// Unwrap returns domain.ErrInvalid: the configuration is invalid.
func (e *Error) Unwrap() error { return domain.ErrInvalid }

// Read returns the secret that a variable names. Call it for each use, so that a file
// that has changed is read again. The error is an *Error.
func Read(variable string) (string, error) {
	value, set := os.LookupEnv(variable)
	path, named := os.LookupEnv(variable + "_FILE")
	switch {
	case set && named:
		return "", &Error{variable, "is set, and " + variable + "_FILE too; unset one of them"}
	case set && value == "":
		return "", &Error{variable, "is empty"}
	case set:
		return value, nil
	case !named:
		return "", &Error{variable, "is not set; set it, or set " + variable + "_FILE to the path of a file that holds the value"}
	}
	return readFile(variable+"_FILE", path)
}

// readFile returns the content of a file without the line break at its end.
func readFile(variable, path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", &Error{variable, "names a file that cannot be opened: " + reason(err)}
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", &Error{variable, "names a file that cannot be read: " + reason(err)}
	}
	value := strings.TrimRight(string(content), "\r\n")
	switch {
	case len(content) > maxFile:
		return "", &Error{variable, "names a file that is too large for a secret"}
	case value == "":
		return "", &Error{variable, "names an empty file"}
	}
	return value, nil
}

// reason returns an error of a file without its path, which may be the secret itself,
// put into the wrong variable.
func reason(err error) string {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err.Error()
	}
	return "unknown error"
}
