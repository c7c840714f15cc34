// Package live keeps pages as they were rendered, finds what differs between two versions, and sends that to browsers
// as server-sent events. It knows nothing of what the pages show or of who may see them.
package live
