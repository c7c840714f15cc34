package conformance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/global"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1/model"
	iam "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3/model"

	"coc-console/internal/simulator"
)

// kind is a type that the SDK has no constant for.
func kind(t *testing.T, text string) *model.ExecuteResourceInstanceType {
	t.Helper()
	var k model.ExecuteResourceInstanceType
	if err := json.Unmarshal([]byte(`"`+text+`"`), &k); err != nil {
		t.Fatal(err)
	}
	return &k
}

// TestSleepIsCancelled is the vendor's own acceptance test of the operation
// call: a script that sleeps for two minutes, and CANCEL_ORDER with numbers
// that it does not need.
func TestSleepIsCancelled(t *testing.T) {
	w := newWorld(t, nil)
	for name, c := range w.clients("operator") {
		t.Run(name, func(t *testing.T) {
			create := addition("sleep-" + strings.ReplaceAll(name, " ", "-")) // with hyphens
			create.Body.Content = "echo begin\nsleep 2m\necho end"
			script := *must(c.CreateScript(create))(t).Data
			servers := *must(c.ListResources(&model.ListResourcesRequest{Provider: "ecs", Type: "cloudservers", Limit: 1}))(t).Data
			body := run(servers...)
			body.ExecuteParam.Timeout = 600
			ticket := *must(c.ExecuteScript(&model.ExecuteScriptRequest{ScriptUuid: script, Body: body}))(t).Data
			w.clock.step(100 * time.Second)
			state := func() string {
				return must(c.GetScriptJobInfo(&model.GetScriptJobInfoRequest{ExecuteUuid: ticket}))(t).Data.Status.Value()
			}
			if got := state(); got != "PROCESSING" {
				t.Fatalf("after 100 s it is %s", got)
			}
			cancel := &model.JobScriptOrderOperationBody{BatchIndex: ptr(int32(1)), InstanceId: ptr(int64(1)),
				OperationType: model.GetJobScriptOrderOperationBodyOperationTypeEnum().CANCEL_ORDER}
			must(c.OperateScriptJob(&model.OperateScriptJobRequest{ExecuteUuid: ticket, Body: cancel}))(t)
			w.clock.step(5 * time.Second)
			if got := state(); got != "CANCELED" {
				t.Errorf("it is %s", got)
			}
		})
	}
}

// TestTimeOutKeepsOutput reads what a script printed before it was timed out.
func TestTimeOutKeepsOutput(t *testing.T) {
	w := newWorld(t, nil)
	c := w.clients("operator")["token"]
	create := addition("too_long")
	create.Body.Content = "echo begin\nsleep 2m\necho end"
	script := *must(c.CreateScript(create))(t).Data
	servers := *must(c.ListResources(&model.ListResourcesRequest{Provider: "ecs", Type: "cloudservers", Limit: 1}))(t).Data
	ticket := *must(c.ExecuteScript(&model.ExecuteScriptRequest{ScriptUuid: script, Body: run(servers...)}))(t).Data
	w.clock.step(5 * time.Minute)
	row := (*must(c.GetScriptJobBatch(&model.GetScriptJobBatchRequest{ExecuteUuid: ticket, BatchIndex: 1, Limit: 50}))(t).Data.ExecuteInstances)[0]
	if row.Status.Value() != "ABNORMAL" || *row.Message != "begin\n\n[SYSTEM INFO] script job execute timeout." {
		t.Errorf("the row is %+v", row)
	}
}

// TestLInstances executes on one, with labels that come back.
func TestLInstances(t *testing.T) {
	w := newWorld(t, nil)
	for name, c := range w.clients("operator") {
		t.Run(name, func(t *testing.T) {
			servers := *must(c.ListResources(&model.ListResourcesRequest{Provider: "hcss", Type: "l-instance", Limit: 1}))(t).Data
			body := run(servers...)
			to := &body.ExecuteBatches[0].TargetInstances[0]
			to.Provider, to.Type = ptr("HCSS"), kind(t, "L-INSTANCE")
			to.CustomAttributes = &[]model.Customttribute{{Key: "team", Value: "shop"}}
			page := must(c.ListPublicScripts(&model.ListPublicScriptsRequest{Limit: 1}))(t).Data
			ticket := *must(c.ExecutePublicScript(&model.ExecutePublicScriptRequest{ScriptUuid: page.Data[0].ScriptUuid, Body: body}))(t).Data
			rows := must(c.GetScriptJobBatch(&model.GetScriptJobBatchRequest{ExecuteUuid: ticket, BatchIndex: 1, Limit: 50}))(t).Data
			got := (*rows.ExecuteInstances)[0].TargetInstance
			if got.Provider != "hcss" || got.Type.Value() != "l-instance" || len(*got.CustomAttributes) != 1 ||
				(*got.CustomAttributes)[0] != (model.Customttribute{Key: "team", Value: "shop"}) {
				t.Errorf("the target is %+v", got)
			}
		})
	}
}

// TestPagesOfClients: scripts come newest first, servers by their ids.
func TestPagesOfClients(t *testing.T) {
	w := newWorld(t, nil)
	c := w.clients("operator")["token"]
	first := *must(c.CreateScript(addition("first_of_two")))(t).Data
	second := *must(c.CreateScript(addition("second_of_two")))(t).Data
	page := must(c.ListScripts(&model.ListScriptsRequest{Limit: 2}))(t).Data
	if page.Data[0].ScriptUuid != second || page.Data[1].ScriptUuid != first || page.Data[0].Id <= page.Data[1].Id {
		t.Errorf("the list begins with %+v", page.Data)
	}
	request := &model.ListResourcesRequest{Provider: "ecs", Type: "cloudservers", Limit: 7}
	all := *must(c.ListResources(&model.ListResourcesRequest{Provider: "ecs", Type: "cloudservers", Limit: 14}))(t).Data
	one := *must(c.ListResources(request))(t).Data
	request.Marker = one[6].Id
	two := *must(c.ListResources(request))(t).Data
	for i, v := range append(one, two...) {
		if *v.ResourceId != *all[i].ResourceId {
			t.Errorf("server %d is %s, want %s", i, *v.Name, *all[i].Name)
		}
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t, nil)
	for name, c := range w.clients("operator") {
		t.Run(name, func(t *testing.T) {
			id := must(c.ListScripts(&model.ListScriptsRequest{Limit: 1}))(t).Data.Data[0].ScriptUuid
			got := must(c.UpdateResourceTags(&model.UpdateResourceTagsRequest{ResourceId: id,
				ResourceType: model.GetUpdateResourceTagsRequestResourceTypeEnum().COCSCRIPT,
				Body:         &model.UpdateResourceTagsRequestBody{Tags: &[]model.ResourceTag{{Key: ptr("team"), Value: ptr("shop")}}}}))(t)
			if *got.Data != id {
				t.Errorf("the answer is %+v", got)
			}
		})
	}
}

// TestKeysForAToken: IAM gives a temporary key for a token, and the SDK signs
// with it at the scope of the account.
func TestKeysForAToken(t *testing.T) {
	w := newWorld(t, nil)
	client := must(NewIAM(w.url, TokenCredential{}))(t)
	body := &iam.CreateTemporaryAccessKeyByTokenRequestBody{Auth: &iam.TokenAuth{Identity: &iam.TokenAuthIdentity{
		Methods: []iam.TokenAuthIdentityMethods{iam.GetTokenAuthIdentityMethodsEnum().TOKEN},
		Token:   &iam.IdentityToken{Id: ptr(w.signIn("operator")), DurationSeconds: ptr(int32(900))}}}}
	got := must(client.CreateTemporaryAccessKeyByToken(&iam.CreateTemporaryAccessKeyByTokenRequest{Body: body}))(t).Credential
	whole := must(global.NewCredentialsBuilder().WithAk(got.Access).WithSk(got.Secret).WithSecurityToken(got.Securitytoken).
		WithDomainId(simulator.DemoAccounts()[0].ID()).SafeBuild())(t)
	c := must(NewSignedCOC(w.url, whole))(t)
	if list := must(c.ListScriptJobs(&model.ListScriptJobsRequest{Limit: ptr(int32(1))}))(t).Data; list.Total == 0 {
		t.Errorf("the list is %+v", list)
	}
	w.clock.step(15 * time.Minute)
	if _, err := c.ListScriptJobs(&model.ListScriptJobsRequest{Limit: ptr(int32(1))}); err == nil {
		t.Error("it works after its time")
	}
}
