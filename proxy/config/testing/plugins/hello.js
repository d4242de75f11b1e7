// pillion: chain=inbound-http call-ms=20
pipy().pipeline().chain()
