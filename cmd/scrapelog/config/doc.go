// Package config reads the configuration of serve and worker: a YAML file over the
// defaults, flags and environment variables over the file. Errors name the file,
// line, column and key, say what is wrong and what would be right.
package config
