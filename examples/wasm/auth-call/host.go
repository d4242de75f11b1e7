package main

import (
	"strings"
	"unsafe"
)

// What of Proxy-Wasm 0.2.1 this plugin needs. A string is an address and a size to the host.

//go:wasmimport env proxy_log
func hostLog(level uint32, text string) uint32

//go:wasmimport env proxy_get_buffer_bytes
func hostGetBuffer(buffer, start, length uint32, data, size *uint32) uint32

//go:wasmimport env proxy_get_header_map_value
func hostGetHeader(headers uint32, name string, value, size *uint32) uint32

//go:wasmimport env proxy_replace_header_map_value
func hostReplaceHeader(headers uint32, name, value string) uint32

//go:wasmimport env proxy_remove_header_map_value
func hostRemoveHeader(headers uint32, name string) uint32

//go:wasmimport env proxy_http_call
func hostCall(cluster, headers, body, trailers string, timeoutMs uint32, id *uint32) uint32

//go:wasmimport env proxy_set_effective_context
func hostSetContext(id uint32) uint32

//go:wasmimport env proxy_continue_stream
func hostContinue(stream uint32) uint32

//go:wasmimport env proxy_send_local_response
func hostAnswer(status uint32, details, body, headers string, grpcStatus int32) uint32

const (
	statusOK = 0

	actionContinue = 0
	actionPause    = 1

	requestHeaders = 0
	callHeaders    = 6

	pluginConfiguration = 7

	requestStream = 0

	levelError = 4
)

//go:wasmexport proxy_abi_version_0_2_1
func abiVersion() {}

// Where the host writes its results. They are not on a stack, which could move while the host allocates.
var dataCell, sizeCell, callCell uint32

// What the host has handed over and nobody has taken yet, by address: it would be collected otherwise.
var handed = map[uint32][]byte{}

//go:wasmexport proxy_on_memory_allocate
func allocate(size uint32) uint32 {
	bytes := make([]byte, max(size, 1))
	address := uint32(uintptr(unsafe.Pointer(&bytes[0])))
	handed[address] = bytes
	return address
}

// take gives what the cells name, and lets go of all that was handed over.
func take() string {
	text := string(handed[dataCell][:sizeCell])
	clear(handed)
	return text
}

func header(headers uint32, name string) (string, bool) {
	if hostGetHeader(headers, name, &dataCell, &sizeCell) != statusOK {
		return "", false
	}
	return take(), true
}

// fields lays out names and values in turn as the ABI has it: how many, all sizes, then the texts closed by zeros.
func fields(texts ...string) string {
	sizes := appendNumber(nil, len(texts)/2)
	var bytes []byte
	for _, text := range texts {
		sizes = appendNumber(sizes, len(text))
		bytes = append(append(bytes, text...), 0)
	}
	return string(sizes) + string(bytes)
}

func appendNumber(bytes []byte, number int) []byte {
	return append(bytes, byte(number), byte(number>>8), byte(number>>16), byte(number>>24))
}

// member finds a text in a flat object in JSON. A parser of all of JSON would make the module more than twice as large.
func member(object, name string) string {
	_, rest, _ := strings.Cut(object, `"`+name+`"`)
	rest, isMember := strings.CutPrefix(strings.TrimLeft(rest, " "), ":")
	rest, isText := strings.CutPrefix(strings.TrimLeft(rest, " "), `"`)
	text, _, isClosed := strings.Cut(rest, `"`)
	if !isMember || !isText || !isClosed {
		return ""
	}
	return text
}
