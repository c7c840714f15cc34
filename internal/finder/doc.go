// Package finder finds tickets by their servers: by host name, IP address or id, which COC's list can't be asked for.
//
// It looks through the tickets whose instances the console has read lately, for whomever, and the newest ones of a
// project, whose instances it reads in the background, a few at a time. Nobody finds what their own token could not
// read: each ticket that is found by its servers is read with it before it is told, and the rules are asked. What is
// kept is bounded, and stays within an account's project.
package finder
