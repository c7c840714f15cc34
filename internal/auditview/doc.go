// Package auditview turns records of the log, and searches of it, into what the log's pages show.
package auditview
