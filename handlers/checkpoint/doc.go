// Package checkpoint sends each signed checkpoint of the log away, to a syslog server or a
// webhook of the operator, so that who owns this machine cannot take back what was signed.
package checkpoint
