module auth-call

go 1.24
