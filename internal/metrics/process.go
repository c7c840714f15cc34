package metrics

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

func process(name string, kind Type, help string) *Desc {
	return &Desc{Name: "process_" + name, Type: kind, Help: help}
}

var (
	processCPU        = process("cpu_seconds_total", TypeCounter, "Total user and system CPU time spent in seconds.")
	processOpenFiles  = process("open_fds", TypeGauge, "Number of open file descriptors.")
	processMaxFiles   = process("max_fds", TypeGauge, "Maximum number of open file descriptors.")
	processResident   = process("resident_memory_bytes", TypeGauge, "Resident memory size in bytes.")
	processVirtual    = process("virtual_memory_bytes", TypeGauge, "Virtual memory size in bytes.")
	processMaxVirtual = process("virtual_memory_max_bytes", TypeGauge, "Maximum amount of virtual memory available in bytes.")
	processStarted    = process("start_time_seconds", TypeGauge, "Start time of the process since unix epoch in seconds.")
	processReceived   = process("network_receive_bytes_total", TypeCounter, "Number of bytes received by the process over the network.")
	processSent       = process("network_transmit_bytes_total", TypeCounter, "Number of bytes sent by the process over the network.")
)

// ticks is how many a second has in /proc, on every platform of Go's.
const ticks = 100

// Process adds what Linux tells of this process; other systems tell nothing.
func (r *Registry) Process() { r.add(tellProcess) }

func tellProcess(s *scrape) {
	// What is behind the name in brackets starts with field 3 of proc_pid_stat(5).
	_, stat, _ := strings.Cut(proc("self/stat"), ") ")
	if f := strings.Fields(stat); len(f) > 21 {
		s.set(processCPU, (float(f[11])+float(f[12]))/ticks)
		s.set(processVirtual, float(f[20]))
		s.set(processResident, float(f[21])*float64(os.Getpagesize()))
		if booted := after(proc("stat"), "btime "); booted != "" {
			s.set(processStarted, float(booted)+float(f[19])/ticks)
		}
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.set(processOpenFiles, float64(len(open)))
	}
	if limits := proc("self/limits"); limits != "" {
		s.set(processMaxFiles, limit(after(limits, "Max open files")))
		s.set(processMaxVirtual, limit(after(limits, "Max address space")))
	}
	tellNetwork(s)
}

// tellNetwork tells what all processes of this network namespace received and sent.
func tellNetwork(s *scrape) {
	const part = "\nIpExt: " // twice: a line of names, a line of numbers
	rows := strings.SplitN("\n"+proc("self/net/netstat"), part, 3)
	if len(rows) != 3 {
		return
	}
	values := strings.Fields(rows[2])
	for i, name := range strings.Fields(rows[1]) {
		switch {
		case i >= len(values):
		case name == "InOctets":
			s.set(processReceived, float(values[i]))
		case name == "OutOctets":
			s.set(processSent, float(values[i]))
		}
	}
}

// proc reads a file below /proc; it is empty where there is none.
func proc(name string) string {
	data, err := os.ReadFile("/proc/" + name)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(data))
}

// after returns the first field behind a name at the start of a line.
func after(text, name string) string {
	_, rest, _ := strings.Cut("\n"+text, "\n"+name)
	if f := strings.Fields(rest); len(f) > 0 {
		return f[0]
	}
	return ""
}

// limit reads a limit; none is the highest there is.
func limit(text string) float64 {
	if text == "unlimited" {
		return 1<<64 - 1
	}
	return float(text)
}

// float reads the kernel's numbers.
func float(text string) float64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return f
}
