package audit_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/database"
)

// openExample opens a log in a folder of its own.
func openExample(ctx context.Context) (log *audit.Log, closeAll func() error, err error) {
	folder, err := os.MkdirTemp("", "log")
	if err != nil {
		return nil, nil, err
	}
	db, err := database.Open(ctx, folder, database.Audit)
	if err != nil {
		return nil, nil, err
	}
	log, err = audit.Open(ctx, audit.Config{Dialect: audit.SQLite, Log: db.Write, LogRead: db.Read, Database: db,
		Key: audittest.Key, Origin: "example.com/log"})
	return log, func() error { return errors.Join(log.Close(), db.Close(), os.RemoveAll(folder)) }, err
}

// When Append returns, the record is durable and has its number.
func ExampleLog_Append() {
	ctx := context.Background()
	log, closeAll, err := openExample(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, ticket := range []string{"SCT1", "SCT2"} {
		r, err := log.Append(ctx, audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded,
			Actor: audit.Actor{UserName: "ann"}, Ticket: ticket})
		fmt.Println(r.Sequence, r.Ticket, err)
	}
	r, err := log.Record(ctx, 2)
	fmt.Println(r.Actor.UserName, r.Ticket, err)
	fmt.Println(closeAll())
	// Output:
	// 1 SCT1 <nil>
	// 2 SCT2 <nil>
	// ann SCT2 <nil>
	// <nil>
}

// A request returns the receipt that the client of COC asks for before it sends.
func ExampleLog_Request() {
	ctx := context.Background()
	log, closeAll, err := openExample(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	receipt, err := log.Request(ctx, audit.Record{Ticket: "SCT1", OperationID: "key-1", OperationType: "PAUSE_ORDER"})
	fmt.Println(receipt.RequestedSequence(), receipt.Record().Action, receipt.Record().Outcome, err)
	fmt.Println(closeAll())
	// Output:
	// 1 operation.requested pending <nil>
	// <nil>
}

// A proof shows that a record is in the tree of the first records, to whoever
// has its bytes and a root that is known to be true.
func ExampleLog_Prove() {
	ctx := context.Background()
	log, closeAll, err := openExample(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	var second audit.Record
	for range 3 {
		r, err := log.Append(ctx, audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded})
		if err != nil {
			fmt.Println(err)
			return
		}
		if r.Sequence == 2 {
			second = r
		}
	}
	proof, err := log.Prove(ctx, second.Sequence, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	root, err := tlog.TreeHash(3, log.Hashes(ctx))
	if err != nil {
		fmt.Println(err)
		return
	}
	bytes, err := audit.Encode(second)
	fmt.Println(tlog.CheckRecord(proof, 3, root, second.Sequence-1, tlog.RecordHash(bytes)), err)
	second.Ticket = "another"
	bytes, err = audit.Encode(second)
	fmt.Println(tlog.CheckRecord(proof, 3, root, second.Sequence-1, tlog.RecordHash(bytes)) != nil, err)
	fmt.Println(closeAll())
	// Output:
	// <nil> <nil>
	// true <nil>
	// <nil>
}

// The bytes of a record are the same wherever they are made.
func ExampleEncode() {
	bytes, err := audit.Encode(audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Ticket: "SCT1"})
	fmt.Println(string(bytes), err)
	r, err := audit.Decode(bytes)
	fmt.Println(r.Ticket, err)
	_, err = audit.Decode([]byte(`{"v":2}`))
	fmt.Println(err)
	// Output:
	// {"v":1,"seq":0,"ts":-62135596800000000,"action":"ticket.viewed","outcome":"succeeded","ticket":"SCT1"} <nil>
	// SCT1 <nil>
	// it has version 2, this console knows 1
}
