// For rows in Go: Row(call, must, check) prints one result; this file is compiled with each file of rows.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

type modelAddress struct {
	Root      string `json:"root"`
	OpenAI    string `json:"openai"`
	Anthropic string `json:"anthropic"`
	Oip       string `json:"oip"`
	WebSocket string `json:"websocket"`
}

type target struct {
	Kind   string                  `json:"kind"`
	URL    string                  `json:"url"`
	Key    string                  `json:"key"`
	CA     string                  `json:"ca"`
	Models map[string]modelAddress `json:"models"`
}

func readTarget() target {
	var read target
	if err := json.Unmarshal([]byte(os.Getenv("PURLIN_TARGET")), &read); err != nil {
		panic(err)
	}
	return read
}

// Row runs one check; an error that it returns, or a panic, is a failure.
func Row(call, must string, check func() error) {
	err := protect(check)
	detail := ""
	if err != nil {
		detail = err.Error()
	}
	result := map[string]any{"call": call, "must": must, "ok": err == nil, "detail": detail}
	line, _ := json.Marshal(map[string]any{"row": result})
	fmt.Println(string(line))
}

func protect(check func() error) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("panic: %v", caught)
		}
	}()
	return check()
}

// Same is an error that shows both sides where they differ.
func Same(got, wanted any) error {
	if fmt.Sprint(got) == fmt.Sprint(wanted) {
		return nil
	}
	return fmt.Errorf("got %v, wanted %v", got, wanted)
}
