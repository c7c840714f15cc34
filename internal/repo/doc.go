// Package repo has the tests that read the files of this module: who imports whom, which waits end, what the documents
// name.
package repo
