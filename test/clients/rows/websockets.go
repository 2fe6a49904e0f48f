// client: WebSocket libraries for Go
// pins: go/github.com/gorilla/websocket, go/github.com/coder/websocket
// targets: serve, host
// models: sock
package main

import (
	"bytes"
	"context"
	"net/http"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

func main() {
	called := readTarget()
	url := called.Models["sock"].WebSocket
	header := http.Header{"Authorization": {"Bearer " + called.Key}}
	big := bytes.Repeat([]byte{0, 7, 255}, 1_000_000)

	Row("gorilla, text and 3 MB", "the same back", func() error {
		socket, _, err := gorilla.DefaultDialer.Dial(url, header)
		if err != nil {
			return err
		}
		defer socket.Close()
		for _, sent := range [][]byte{[]byte("grüezi"), big} {
			if err := socket.WriteMessage(gorilla.BinaryMessage, sent); err != nil {
				return err
			}
			_, got, err := socket.ReadMessage()
			if err != nil {
				return err
			}
			if err := Same(bytes.Equal(got, sent), true); err != nil {
				return err
			}
		}
		return nil
	})
	Row("gorilla, the model closes with 4001", "CloseError with code and reason", func() error {
		socket, _, err := gorilla.DefaultDialer.Dial(url, header)
		if err != nil {
			return err
		}
		defer socket.Close()
		if err := socket.WriteMessage(gorilla.TextMessage, []byte("close")); err != nil {
			return err
		}
		_, _, err = socket.ReadMessage()
		return Same(err, &gorilla.CloseError{Code: 4001, Text: "as asked"})
	})
	Row("coder, text and 3 MB", "the same back", func() error {
		limit, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		socket, _, err := coder.Dial(limit, url, &coder.DialOptions{HTTPHeader: header})
		if err != nil {
			return err
		}
		defer socket.CloseNow()
		socket.SetReadLimit(-1)
		for _, sent := range [][]byte{[]byte("grüezi"), big} {
			if err := socket.Write(limit, coder.MessageBinary, sent); err != nil {
				return err
			}
			_, got, err := socket.Read(limit)
			if err != nil {
				return err
			}
			if err := Same(bytes.Equal(got, sent), true); err != nil {
				return err
			}
		}
		return socket.Close(coder.StatusNormalClosure, "enough")
	})
}
