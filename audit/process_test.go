package audit_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// childVariable holds the database of a test binary that only appends.
const childVariable = "COC_CONSOLE_TEST_APPEND"

// child appends from several goroutines until it is killed, and prints every
// record that the log has acknowledged.
func child() int {
	o, err := openLog(context.Background(), os.Getenv(childVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	failed := make(chan error)
	for worker := range 8 {
		go func() {
			for i := 0; ; i++ {
				r, err := o.Append(context.Background(), viewed(fmt.Sprintf("%d-%d", worker, i)))
				if err != nil {
					failed <- err
					return
				}
				fmt.Printf("%d %s\n", r.Sequence, r.Detail) // one write: lines do not mix
			}
		}()
	}
	fmt.Fprintln(os.Stderr, <-failed)
	return 1
}

// TestKilledProcess kills a process that appends and looks for every record
// that it was told was durable.
func TestKilledProcess(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		acknowledged := map[int64]string{}
		for round := range 3 {
			kill(t, dsn, (round+1)*150, acknowledged)
		}
		o := open(t, dsn)
		records := o.everything(t)
		checkOrder(t, records)
		for _, r := range records {
			if detail, ok := acknowledged[r.Sequence]; ok && detail != r.Detail {
				t.Errorf("record %d is %q, acknowledged was %q", r.Sequence, r.Detail, detail)
			}
			delete(acknowledged, r.Sequence)
		}
		if len(acknowledged) > 0 {
			t.Errorf("%d acknowledged records are lost", len(acknowledged))
		}
		o.caughtUp(t)
		if n := number(t, o.search, `SELECT count(*) FROM record`); n != int64(len(records)) {
			t.Errorf("the search tables know %d of %d records", n, len(records))
		}
		if last := o.append(t, viewed("after"))[0]; last.Sequence != int64(len(records)+1) {
			t.Errorf("the next record is number %d after %d", last.Sequence, len(records))
		}
	})
}

// kill starts a child, reads some acknowledgements, kills it and reads the rest.
func kill(t *testing.T, dsn string, after int, acknowledged map[int64]string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+dsn)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	n := 0
	for ; lines.Scan(); n++ {
		number, detail, whole := strings.Cut(lines.Text(), " ")
		seq, err := strconv.ParseInt(number, 10, 64)
		if err != nil || !whole || acknowledged[seq] != "" {
			t.Fatalf("unexpected line %q (%v)", lines.Text(), err)
		}
		acknowledged[seq] = detail
		if n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || n < after {
		t.Fatalf("it ended by itself after %d lines (%v)", n, err)
	}
}
