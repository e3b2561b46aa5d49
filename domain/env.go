package domain

import (
	"regexp"
	"strings"
)

var envNameRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,254}$`)

// secretPrefixes begin the secrets of Standard Webhooks and our own tokens, which have
// the form of a name.
var secretPrefixes = []string{"whsec_", "slg_"}

// ValidEnvName reports whether name can be the name of an environment variable:
// letters, digits and _, not beginning with a digit, and not a secret that looks so.
func ValidEnvName(name string) bool {
	for _, prefix := range secretPrefixes {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return envNameRule.MatchString(name)
}

// CheckEnvNameIfSet is CheckEnvName for a field that may be empty.
func CheckEnvNameIfSet(field, name string) error {
	if name == "" {
		return nil
	}
	return CheckEnvName(field, name)
}

// CheckEnvName returns a *FieldError where a configuration field does not name an
// environment variable. Call it for each field that takes such a name. The error
// does not repeat the value: people put the secret there by mistake.
func CheckEnvName(field, name string) error {
	if ValidEnvName(name) {
		return nil
	}
	return &FieldError{field, "is not the name of an environment variable (its value is not repeated here: it may be a secret)",
		"put the secret into a variable of the environment and give its name, such as SHOP_TOKEN"}
}
