package policy_test

import (
	"fmt"
	"time"

	"coc-console/internal/policy"
)

// The built-in policies let the creator of a ticket cancel it, once the number
// of instances that stop is typed or somebody else has approved it.
func ExampleRules_Decide() {
	rules, err := policy.Load(policy.Files{})
	if err != nil {
		fmt.Println(err)
		return
	}
	q := policy.Request{
		Person: policy.Person{UserID: "42", UserName: "ann", AccountName: "acme"},
		Action: "CANCEL_ORDER",
		Ticket: &policy.Ticket{Creator: "ann", Account: "acme", Total: 12, Stops: 9, Running: 3},
		Circumstances: policy.Circumstances{Reason: true,
			At: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)},
	}
	d := rules.Decide(q)
	fmt.Println("allowed:", d.Allowed, "denied:", d.Denied())
	for _, demand := range d.Demands {
		fmt.Println(demand.Policy, "wants", demand.Any)
	}
	q.Counted = true
	fmt.Println("allowed:", rules.Decide(q).Allowed)
	// Output:
	// allowed: false denied: false
	// count-what-stops wants [count approval]
	// allowed: true
}
