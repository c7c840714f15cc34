// Package listing is what a list of tickets is narrowed to, as an address has it, and what a snapshot of the list
// shows of that.
package listing
