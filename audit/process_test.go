package audit_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"coc-console/audit/audittest"
	"coc-console/audit/verify"
	"coc-console/internal/database"
)

// childVariable holds the database of a test binary that only appends.
const childVariable = "COC_CONSOLE_TEST_APPEND"

// child appends from several goroutines until it is killed, and prints every
// record that the log has acknowledged.
func child() int {
	o, err := audittest.New(context.Background(), os.Getenv(childVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	failed := make(chan error)
	for worker := range 8 {
		go func() {
			for i := 0; ; i++ {
				r, err := o.Append(context.Background(), audittest.Viewed(fmt.Sprintf("%d-%d", worker, i)))
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

// TestKilledProcess kills a process that appends, again and again, and looks
// each time for every record that it was told was durable.
func TestKilledProcess(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		rounds := 50
		if database.IsPostgres(dsn) || underRace || testing.Short() {
			rounds = 5 // the databases are what is under test, and PostgreSQL's is not killed
		}
		const seed = 20_260_303
		random := rand.New(rand.NewPCG(seed, 0))
		acknowledged := map[int64]string{}
		records := 0
		for range rounds {
			kill(t, dsn, 1+random.IntN(200), acknowledged)
			records = survived(t, dsn, acknowledged)
		}
		t.Logf("seed %d: %d kills, %d records, %d acknowledged, none lost", seed, rounds, records, len(acknowledged))
	})
}

// survived checks the log after a kill, and returns how many records it has.
func survived(t *testing.T, dsn string, acknowledged map[int64]string) int {
	t.Helper()
	o, err := audittest.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	records := o.Everything(t)
	audittest.CheckOrder(t, records)
	found := 0
	for _, r := range records {
		detail, ok := acknowledged[r.Sequence]
		if ok && detail != r.Detail {
			t.Errorf("record %d is %q, acknowledged was %q", r.Sequence, r.Detail, detail)
		} else if ok {
			found++
		}
	}
	if found < len(acknowledged) {
		t.Errorf("%d acknowledged records are lost", len(acknowledged)-found)
	}
	if r, err := o.Verify(t.Context(), verify.Options{}); err != nil || !r.OK() || r.Size != int64(len(records)) {
		t.Errorf("verified are %d records: %v (%v)", r.Size, r.Findings, err)
	}
	o.CaughtUp(t)
	if n := audittest.Number(t, o.Tables, `SELECT count(*) FROM record`); n != int64(len(records)) {
		t.Errorf("the search tables know %d of %d records", n, len(records))
	}
	last := o.AppendEach(t, audittest.Viewed("after"))[0]
	if last.Sequence != int64(len(records)+1) {
		t.Errorf("the next record is number %d after %d", last.Sequence, len(records))
	}
	acknowledged[last.Sequence] = last.Detail
	if err := o.CloseAll(); err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.FailNow()
	}
	return len(records) + 1
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
