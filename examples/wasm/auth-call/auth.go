// Asks an auth service about each request, and lets through only what it answers 200 to.
//
// The config names the cluster, and where to ask: {"cluster": "auth", "path": "/verify"}.
// Who it is, the service says in x-user, which the application gets; no verdict is no.
package main

// How long a request waits for the verdict.
const timeoutMs = 2000

// Whom to ask, and for which path.
var cluster, path string

// The requests that wait, by the call they wait for.
var waiting = map[uint32]uint32{}

func main() {}

//go:wasmexport proxy_on_configure
func onConfigure(root, size uint32) bool {
	if hostGetBuffer(pluginConfiguration, 0, size, &dataCell, &sizeCell) != statusOK {
		return false
	}
	config := take()
	cluster, path = member(config, "cluster"), member(config, "path")
	if cluster != "" && path != "" {
		return true
	}
	hostLog(levelError, `auth-call wants {"cluster": NAME, "path": PATH}`)
	return false
}

func deny() uint32 {
	hostAnswer(403, "auth_denied", "not for you\n", "", -1)
	return actionPause
}

//go:wasmexport proxy_on_request_headers
func onRequestHeaders(context, count, isEnd uint32) uint32 {
	// nobody says for himself who he is
	hostRemoveHeader(requestHeaders, "x-user")
	token, found := header(requestHeaders, "authorization")
	if !found {
		return deny()
	}
	asked := fields(":method", "GET", ":path", path, ":authority", cluster, "authorization", token)
	if hostCall(cluster, asked, "", "", timeoutMs, &callCell) != statusOK {
		return deny()
	}
	waiting[callCell] = context
	return actionPause
}

//go:wasmexport proxy_on_http_call_response
func onCallResponse(root, call, headers, bodySize, trailers uint32) {
	context, found := waiting[call]
	delete(waiting, call)
	// the answer may be there before the plugin hears that its client is gone
	if !found || hostSetContext(context) != statusOK {
		return
	}
	status, _ := header(callHeaders, ":status")
	if status != "200" {
		deny()
		return
	}
	if user, found := header(callHeaders, "x-user"); found {
		hostReplaceHeader(requestHeaders, "x-user", user)
	}
	hostContinue(requestStream)
}

//go:wasmexport proxy_on_delete
func onDelete(context uint32) {
	for call, waits := range waiting {
		if waits == context {
			delete(waiting, call)
		}
	}
}
