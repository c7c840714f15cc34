// Package conformance lets the vendor's own Go SDK, a client of COC that shares
// no code with this project, use the simulator. What the SDK reads there must
// be what the console's client internal/coc reads, field by field. It is a
// module of its own, so that the SDK stays out of the console.
//
// # The token
//
// The SDK has no credential for an IAM token: its credentials sign requests
// with an access key, WithSecurityToken adds the X-Security-Token of temporary
// keys to such a signature, and an identity token is exchanged for keys. The
// header option of its invokers comes on top of a credential, never in its
// place. So TokenCredential implements the SDK's own interface auth.ICredential;
// everything else, from the request to the errors, is the SDK as it is.
package conformance

import (
	"reflect"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/impl"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
	coc "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1"
	iam "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3"
)

// TokenCredential authenticates requests of the SDK with an IAM token
// (docs/coc-api.md section 1.2). An empty one adds no header, as the call that
// makes a token wants it.
type TokenCredential struct{ Token string }

var _ auth.ICredential = TokenCredential{}

// ProcessAuthParams has nothing to look up: a token knows its account and project.
func (c TokenCredential) ProcessAuthParams(*impl.DefaultHttpClient, string) (auth.ICredential, error) {
	return c, nil
}

// ProcessAuthRequest adds the header X-Auth-Token.
func (c TokenCredential) ProcessAuthRequest(_ *impl.DefaultHttpClient, r *request.DefaultHttpRequest) (*request.DefaultHttpRequest, error) {
	if c.Token != "" {
		r.AddHeaderParam("X-Auth-Token", c.Token)
	}
	return r, nil
}

// timeout bounds a call of the SDK, which knows no context.
const timeout = 20 * time.Second

// NewCOC is the SDK's client of COC at an address such as http://127.0.0.1:1.
func NewCOC(endpoint string, c TokenCredential) (*coc.CocClient, error) {
	client, err := build(coc.CocClientBuilder(), endpoint, c)
	if err != nil {
		return nil, err
	}
	return coc.NewCocClient(client), nil
}

// NewSignedCOC is the SDK's client of COC with credentials of its own: an
// access key of a project (basic) or of an account (global), with which it signs
// every request (docs/coc-api.md section 1.2).
func NewSignedCOC(endpoint string, c auth.ICredential) (*coc.CocClient, error) {
	client, err := coc.CocClientBuilder().WithEndpoint(endpoint).WithCredential(c).
		WithHttpConfig(config.DefaultHttpConfig().WithTimeout(timeout)).SafeBuild()
	if err != nil {
		return nil, err
	}
	return coc.NewCocClient(client), nil
}

// NewIAM is the SDK's client of IAM.
func NewIAM(endpoint string, c TokenCredential) (*iam.IamClient, error) {
	client, err := build(iam.IamClientBuilder(), endpoint, c)
	if err != nil {
		return nil, err
	}
	return iam.NewIamClient(client), nil
}

// build tells the SDK to accept a credential that is not one of its own.
func build(b *core.HcHttpClientBuilder, endpoint string, c TokenCredential) (*core.HcHttpClient, error) {
	return b.WithEndpoint(endpoint).WithCredential(c).WithCredentialsType(reflect.TypeOf(c).String()).
		WithHttpConfig(config.DefaultHttpConfig().WithTimeout(timeout)).SafeBuild()
}
