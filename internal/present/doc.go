// Package present turns what COC, the audit log and the rules tell into what pages show, with the addresses of other
// pages. It asks nobody, and knows no request.
package present
