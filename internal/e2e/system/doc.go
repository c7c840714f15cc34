// Package system tests the console as a program: its commands, what it leaves on disk, and what it survives.
package system
