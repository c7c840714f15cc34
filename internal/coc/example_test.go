package coc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
)

// A client reads tickets with the token of whoever asks.
func ExampleClient_Ticket() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("X-Auth-Token") != "a token" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information"}`))
			return
		}
		_, _ = w.Write([]byte(`{"data":{"execute_uuid":"SCT202603021000000a1b2c3d4","status":"PAUSED","creator":"ann",
			"properties":{"script_name":"nginx_reload"}}}`))
	}))
	defer server.Close()
	client, err := coc.New(coc.Config{Endpoint: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	id, err := coc.ParseExecuteUUID("SCT202603021000000a1b2c3d4")
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := client.Ticket(context.Background(), coc.Caller{Credential: huawei.NewToken("a token")}, id)
	fmt.Println(t.ScriptName, t.Status, t.Status.Waits(), err)
	_, err = client.Ticket(context.Background(), coc.Caller{Credential: huawei.NewToken("another")}, id)
	refused, _ := errors.AsType[*coc.Error](err)
	fmt.Println(refused.Status, refused.Code, refused.SignInAgain())
	// Output:
	// nginx_reload PAUSED true <nil>
	// 401 APIGW.0301 true
}

// What a form sends is checked before anything is sent to COC.
func ExampleParseOperation() {
	op, err := coc.ParseOperation("SKIP_BATCH", "3", "")
	fmt.Println(op.Type, op.BatchIndex, err)
	_, err = coc.ParseOperation("CANCEL_INSTANCE", "", "")
	fmt.Println(err)
	// Output:
	// SKIP_BATCH 3 <nil>
	// instance_id is wrong: missing
}

// Whatever holds an execute_uuid leads to its ticket.
func ExampleFindExecuteUUID() {
	id, ok := coc.FindExecuteUUID("see https://example.com/orders/SCT202603021000000a1b2c3d4?tab=log")
	fmt.Println(id, ok)
	// Output: SCT202603021000000a1b2c3d4 true
}
