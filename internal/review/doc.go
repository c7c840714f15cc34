// Package review is the queue of operations that somebody else has to look at: ranked by how risky they were, by the
// weights of the policy file, and signed off with a comment by whoever neither did nor approved them.
//
// Everything is in the audit log: a queue follows it, and a sign-off is a record. Consoles that share a log share the
// queue.
package review
