package config

import _ "embed"

// Example is a configuration file with every key.
//
//go:embed example.yaml
var Example string
