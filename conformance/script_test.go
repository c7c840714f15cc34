package conformance

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/global"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	sdk "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1/model"

	"coc-console/internal/simulator"
)

// clients are the SDK's clients of a user under every kind of credential.
func (w *world) clients(user string) map[string]*sdk.CocClient {
	w.t.Helper()
	account, key, temporary := simulator.DemoAccounts()[0], simulator.DemoKey(user), simulator.DemoTemporaryKey()
	signed := map[string]*sdk.CocClient{"token": must(NewCOC(w.url, TokenCredential{w.signIn(user)}))(w.t)}
	project := must(basic.NewCredentialsBuilder().WithAk(key.ID).WithSk(key.Secret).
		WithProjectId(account.ProjectID("cn-north-4")).SafeBuild())(w.t)
	signed["key of a project"] = must(NewSignedCOC(w.url, project))(w.t)
	whole := must(global.NewCredentialsBuilder().WithAk(key.ID).WithSk(key.Secret).WithDomainId(account.ID()).SafeBuild())(w.t)
	signed["key of an account"] = must(NewSignedCOC(w.url, whole))(w.t)
	if user == "operator" {
		short := must(basic.NewCredentialsBuilder().WithAk(temporary.ID).WithSk(temporary.Secret).
			WithSecurityToken(temporary.SecurityToken).WithProjectId(account.ProjectID("cn-north-4")).SafeBuild())(w.t)
		signed["temporary key"] = must(NewSignedCOC(w.url, short))(w.t)
	}
	return signed
}

func ptr[T any](v T) *T { return &v }

func addition(name string, reviewers ...model.ReviewerInfo) *model.CreateScriptRequest {
	protocol := model.GetScriptPropertiesModelProtocolEnum().EMAIL
	params := []model.ScriptParamDefine{{ParamName: "who", ParamValue: "ops", ParamDescription: "whom", ParamOrder: 1},
		{ParamName: "key", ParamValue: "k1", ParamDescription: "a secret", ParamOrder: 2, Sensitive: true}}
	return &model.CreateScriptRequest{Body: &model.AddScriptModel{Name: name, Description: "Reports", Content: "echo ${who}\nsleep 3\necho done",
		Type: model.GetAddScriptModelTypeEnum().SHELL, EnterpriseProjectId: ptr("0"), ScriptParams: &params,
		Properties: &model.ScriptPropertiesModel{RiskLevel: model.GetScriptPropertiesModelRiskLevelEnum().MEDIUM, Version: "2.0.0",
			Reviewers: &reviewers, Protocol: &protocol}}}
}

// run executes on servers of the inventory, in as many batches.
func run(targets ...model.BatchListResourceResponseData) *model.ScriptExecuteModel {
	body := &model.ScriptExecuteModel{ExecuteParam: &model.ScriptExecuteParam{Timeout: 60, SuccessRate: 99.5, ExecuteUser: "root",
		ScriptParams: &[]model.ScriptExecuteInputParam{{ParamName: "who", ParamValue: "everybody"}}}}
	for i, v := range targets {
		body.ExecuteBatches = append(body.ExecuteBatches, model.ExecuteInstancesBatchInfo{BatchIndex: int32(i + 1),
			RotationStrategy: model.GetExecuteInstancesBatchInfoRotationStrategyEnum().CONTINUE,
			TargetInstances:  []model.ExecuteResourceInstance{{ResourceId: *v.ResourceId, RegionId: *v.RegionId}}})
	}
	return body
}

// TestFromScriptToFinished goes the whole way of a script, from its creation to
// the end of its run, under every kind of credential.
func TestFromScriptToFinished(t *testing.T) {
	names := newWorld(t, nil).clients("operator")
	for name := range names {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			operator, manager := w.clients("operator")[name], w.clients("manager")["token"]
			script := *must(operator.CreateScript(addition("disk_report", model.ReviewerInfo{ReviewerName: "manager", ReviewerId: "1"})))(t).Data
			servers := *must(operator.ListResources(&model.ListResourcesRequest{Provider: "ecs", Type: "cloudservers", Limit: 3}))(t).Data
			if len(servers) != 3 {
				t.Fatalf("%d servers", len(servers))
			}
			execution := &model.ExecuteScriptRequest{ScriptUuid: script, Body: run(servers...)}
			if _, err := operator.ExecuteScript(execution); err == nil {
				t.Error("a script that waits for approval was executed")
			}
			approval := &model.AcceptScriptRequest{ScriptUuid: script, Body: &model.ApprovalJobScriptModel{
				Status: model.GetApprovalJobScriptModelStatusEnum().APPROVED, Comments: ptr("fine")}}
			if !*must(manager.AcceptScript(approval))(t).Data {
				t.Error("the approval answers false")
			}
			ticket := *must(operator.ExecuteScript(execution))(t).Data
			finish(t, w, operator, ticket)
			for batch := int32(1); batch <= 3; batch++ {
				page := must(operator.GetScriptJobBatch(&model.GetScriptJobBatchRequest{ExecuteUuid: ticket, BatchIndex: batch, Limit: 50}))(t)
				row := (*page.Data.ExecuteInstances)[0]
				if row.Status.Value() != "FINISHED" || row.TargetInstance.ResourceId != *servers[batch-1].ResourceId || *row.Message != "everybody\ndone" {
					t.Errorf("batch %d: %+v", batch, row)
				}
			}
			if got := *must(operator.DeleteScript(&model.DeleteScriptRequest{ScriptUuid: script}))(t).Data; got != script {
				t.Errorf("the deletion answers %q", got)
			}
		})
	}
}

// finish steps the clock until the ticket has finished.
func finish(t *testing.T, w *world, c *sdk.CocClient, ticket string) {
	t.Helper()
	for range 120 {
		info := must(c.GetScriptJobInfo(&model.GetScriptJobInfoRequest{ExecuteUuid: ticket}))(t)
		if info.Data.Status.Value() == "FINISHED" {
			return
		}
		w.clock.step(time.Second)
	}
	t.Fatal("the ticket does not finish")
}

// TestScripts reads and changes scripts, every field.
func TestScripts(t *testing.T) {
	w := newWorld(t, nil)
	for name, c := range w.clients("operator") {
		t.Run(name, func(t *testing.T) {
			own := "own_" + strings.ReplaceAll(name, " ", "_")
			id := *must(c.CreateScript(addition(own)))(t).Data
			d := must(c.GetScript(&model.GetScriptRequest{ScriptUuid: id}))(t).Data
			if d.ScriptUuid != id || d.Name != own || *d.Version != "2.0.0" || d.Description != "Reports" || d.Type.Value() != "SHELL" ||
				d.Content != "echo ${who}\nsleep 3\necho done" || d.Status.Value() != "APPROVED" || d.GmtCreated != w.clock.now().UnixMilli() ||
				d.GmtModified != nil || d.Creator != "operator" || len(d.CreatorId) != 32 || d.Operator != nil || *d.EnterpriseProjectId != "0" {
				t.Errorf("the script is %+v", d)
			}
			if p := d.Properties; p.RiskLevel.Value() != "MEDIUM" || p.Version != "2.0.0" || len(*p.Reviewers) != 0 || p.Protocol.Value() != "EMAIL" {
				t.Errorf("its properties are %+v", p)
			}
			if p := *d.ScriptParams; len(p) != 2 || p[0] != (model.ScriptParamDefine{ParamName: "who", ParamValue: "ops", ParamDescription: "whom", ParamOrder: 1}) ||
				p[1].ParamValue != strings.Repeat("*", 17) || !p[1].Sensitive {
				t.Errorf("its parameters are %+v", p)
			}
			checkScriptPages(t, c, own, id)
			properties := addition(own).Body.Properties
			got := must(c.UpdateScript(&model.UpdateScriptRequest{ScriptUuid: id, Body: &model.EditScriptModel{Description: "Better",
				Content: "echo 2", Properties: properties, ScriptParams: &[]model.ScriptParamDefine{}}}))(t)
			if d := must(c.GetScript(&model.GetScriptRequest{ScriptUuid: id}))(t).Data; *got.Data != id || d.Description != "Better" || *d.Operator != "operator" || d.GmtModified == nil {
				t.Errorf("after the update it is %+v", d)
			}
			refused(t, second(c.CreateScript(addition(own))), "COC.00040601")
			must(c.DeleteScript(&model.DeleteScriptRequest{ScriptUuid: id}))(t)
			refused(t, second(c.GetScript(&model.GetScriptRequest{ScriptUuid: id})), "COC.00040603")
		})
	}
}

// checkScriptPages pages through all custom scripts and finds one.
func checkScriptPages(t *testing.T, c *sdk.CocClient, name, id string) {
	t.Helper()
	var found []model.ScriptListModel
	total := int64(-1)
	for marker := int64(0); ; {
		page := must(c.ListScripts(&model.ListScriptsRequest{Limit: 4, Marker: &marker}))(t).Data
		if total = page.Total; len(page.Data) == 0 {
			break
		}
		found = append(found, page.Data...)
		marker = found[len(found)-1].Id
	}
	if int64(len(found)) != total {
		t.Errorf("the pages hold %d of %d", len(found), total)
	}
	row := (must(c.ListScripts(&model.ListScriptsRequest{Limit: 1, NameLike: &name, Creator: ptr("operator")}))(t).Data.Data)[0]
	if row.ScriptUuid != id || row.Name != name || row.Status.Value() != "APPROVED" || row.EnterpriseProjectId != "0" || row.Type.Value() != "SHELL" ||
		row.Properties.RiskLevel.Value() != "MEDIUM" || row.Creator != "operator" || row.GmtCreated == 0 {
		t.Errorf("the row is %+v", row)
	}
}

// TestPublicScripts lists, reads and executes them.
func TestPublicScripts(t *testing.T) {
	w := newWorld(t, nil)
	for name, c := range w.clients("operator") {
		t.Run(name, func(t *testing.T) {
			page := must(c.ListPublicScripts(&model.ListPublicScriptsRequest{Limit: 100, NameLike: ptr("ecs_")}))(t).Data
			if page.Total != 2 || len(page.Data) != 2 {
				t.Fatalf("the page is %+v", page)
			}
			row := page.Data[0]
			d := must(c.GetPublicScript(&model.GetPublicScriptRequest{ScriptUuid: row.ScriptUuid}))(t).Data
			if d.Name != row.Name || d.Description != row.Description || d.Content == "" || len(*d.ScriptParams) != 1 || d.Properties.Version != row.Properties.Version ||
				d.GmtCreated != row.GmtCreated || d.Type.Value() != row.Type.Value() || d.Properties.RiskLevel.Value() != "MEDIUM" {
				t.Errorf("the row is %+v, the detail %+v", row, d)
			}
			servers := *must(c.ListResources(&model.ListResourcesRequest{Provider: "ecs", Type: "cloudservers", Limit: 2}))(t).Data
			ticket := *must(c.ExecutePublicScript(&model.ExecutePublicScriptRequest{ScriptUuid: row.ScriptUuid, Body: run(servers...)}))(t).Data
			finish(t, w, c, ticket)
		})
	}
}

// TestInventory finds servers, divides them into batches and examines a script.
func TestInventory(t *testing.T) {
	w := newWorld(t, nil)
	for name, c := range w.clients("operator") {
		t.Run(name, func(t *testing.T) {
			must(c.SyncResource(&model.SyncResourceRequest{Body: &model.SyncResourceReq{Provider: ptr("ecs"), Type: ptr("cloudservers")}}))(t)
			servers := *must(c.ListResources(&model.ListResourcesRequest{Provider: "ecs", Type: "cloudservers", Limit: 100, Offset: ptr("10")}))(t).Data
			one := servers[7]
			again := *must(c.ListResources(&model.ListResourcesRequest{Provider: "ecs", Type: "cloudservers", Limit: 10,
				ResourceIdList: &[]string{*one.ResourceId, *servers[8].ResourceId}}))(t).Data
			if len(again) != 2 || *again[0].Name != *one.Name || *again[0].AgentId != *one.AgentId || again[0].AgentState.Value() != "ONLINE" ||
				*again[0].RegionId != *one.RegionId || *again[0].ProjectId != *one.ProjectId || *again[0].InnerIp != *one.InnerIp {
				t.Errorf("by id there is %+v", again)
			}
			request := &model.InstancesBatchesMode{BatchStrategy: model.GetInstancesBatchesModeBatchStrategyEnum().AUTO_BATCH}
			for _, v := range servers[:40] {
				request.TargetInstances = append(request.TargetInstances, model.ResourceInstance{ResourceId: *v.ResourceId, RegionId: *v.RegionId,
					Provider: "ECS", Type: model.GetResourceInstanceTypeEnum().CLOUDSERVER,
					Properties: &model.ResourceInstanceProp{HostName: *v.Name, FixedIp: *v.InnerIp, RegionId: *v.RegionId, ZoneId: "a"}})
			}
			count := 0
			for i, b := range *must(c.ListInstancesBatch(&model.ListInstancesBatchRequest{Body: request}))(t).Data {
				if b.BatchIndex != int32(i+1) || len(b.TargetInstances) > 10 {
					t.Errorf("batch %d has %d servers", b.BatchIndex, len(b.TargetInstances))
				}
				count += len(b.TargetInstances)
			}
			if count != 40 {
				t.Errorf("%d of 40 servers are in a batch", count)
			}
			risk := must(c.CheckScriptRisk(&model.CheckScriptRiskRequest{Body: &model.JobScriptAnalyzeRequest{Content: "shutdown -h now"}}))(t).Data
			if risk.RiskLevel != "MEDIUM" || len(*risk.BlacklistCommands) != 1 || *(*risk.BlacklistCommands)[0].CommandName != "shutdown" {
				t.Errorf("the risk is %+v", risk)
			}
		})
	}
}

// TestTicketsWithKeys makes the six ticket calls with signatures.
func TestTicketsWithKeys(t *testing.T) {
	names := newWorld(t, nil).clients("operator")
	for name := range names {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			c := w.clients("operator")[name]
			id := w.UUID("running")
			status := model.GetListScriptJobsRequestStatusEnum().PROCESSING
			list := must(c.ListScriptJobs(&model.ListScriptJobsRequest{Limit: ptr(int32(100)), Status: &status, Creator: ptr("operator")}))(t).Data
			if !strings.Contains(fmt.Sprint(list.Data), id) {
				t.Errorf("the list lacks %s", id)
			}
			if n := len(*must(c.ListScriptJobBatches(&model.ListScriptJobBatchesRequest{ExecuteUuid: id}))(t).Data); n == 0 {
				t.Error("there are no batches")
			}
			if s := must(c.GetScriptJobStatistics(&model.GetScriptJobStatisticsRequest{ExecuteUuid: id}))(t).Data; *s.TotalInstance == 0 {
				t.Errorf("the statistics are %+v", s)
			}
			pause := &model.JobScriptOrderOperationBody{OperationType: model.GetJobScriptOrderOperationBodyOperationTypeEnum().PAUSE_ORDER}
			if got := *must(c.OperateScriptJob(&model.OperateScriptJobRequest{ExecuteUuid: id, Body: pause}))(t).Data; got != id {
				t.Errorf("the operation answers %q", got)
			}
			w.clock.step(time.Hour)
			if info := must(c.GetScriptJobInfo(&model.GetScriptJobInfoRequest{ExecuteUuid: id}))(t).Data; info.Status.Value() == "PROCESSING" {
				t.Errorf("after the pause it is %s", info.Status.Value())
			}
		})
	}
}

// TestWrongKeys are refused in the gateway's words.
func TestWrongKeys(t *testing.T) {
	w := newWorld(t, nil)
	project := simulator.DemoAccounts()[0].ProjectID("cn-north-4")
	key := simulator.DemoKey("operator")
	for name, credential := range map[string]*basic.CredentialsBuilder{
		"a wrong secret": basic.NewCredentialsBuilder().WithAk(key.ID).WithSk(key.Secret + "x"),
		"an unknown key": basic.NewCredentialsBuilder().WithAk("NOBODY").WithSk(key.Secret),
	} {
		t.Run(name, func(t *testing.T) {
			c := must(NewSignedCOC(w.url, must(credential.WithProjectId(project).SafeBuild())(t)))(t)
			refused(t, second(c.ListScripts(&model.ListScriptsRequest{Limit: 1})), "APIGW.0301")
		})
	}
}

// refused checks that an error is the SDK's own, with a code and a request id.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	var e *sdkerr.ServiceResponseError
	if !errors.As(err, &e) || e.ErrorCode != code || e.RequestId == "" {
		t.Errorf("got %v, want %s", err, code)
	}
}

func failure[T any](_ T, err error) error { return err }
