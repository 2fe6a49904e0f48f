// client: OpenAI and Anthropic SDKs for Go
// pins: go/github.com/openai/openai-go/v3, go/github.com/anthropics/anthropic-sdk-go
// targets: serve, host
// models: chat
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

func main() {
	called := readTarget()
	ctx := context.Background()
	address := called.Models["chat"]
	client := openai.NewClient(option.WithBaseURL(address.OpenAI), option.WithAPIKey(called.Key), option.WithMaxRetries(0))
	ask := func(text string) openai.ChatCompletionNewParams {
		return openai.ChatCompletionNewParams{
			Model:    "chat",
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)},
		}
	}
	Row("openai, Chat.Completions.New", "the text in capitals", func() error {
		answer, err := client.Chat.Completions.New(ctx, ask("grüezi"))
		if err != nil {
			return err
		}
		return Same(answer.Choices[0].Message.Content, "GRÜEZI")
	})
	Row("openai, Chat.Completions.NewStreaming", "each piece", func() error {
		stream := client.Chat.Completions.NewStreaming(ctx, ask("a b c"))
		text := ""
		for stream.Next() {
			if chunk := stream.Current(); len(chunk.Choices) > 0 {
				text += chunk.Choices[0].Delta.Content
			}
		}
		if stream.Err() != nil {
			return stream.Err()
		}
		return Same(text, "A B C")
	})
	Row("openai, HttpError(429, {message, type, code})", "openai.Error with these fields", func() error {
		_, err := client.Chat.Completions.New(ctx, ask("do status 429"))
		var failure *openai.Error
		if !errors.As(err, &failure) {
			return fmt.Errorf("got %v", err)
		}
		got := fmt.Sprint(failure.StatusCode, failure.Code, failure.Type, failure.Message)
		return Same(got, fmt.Sprint(429, "asked_code", "asked_type", "status 429 was asked for"))
	})
	other := anthropic.NewClient(
		anthropicoption.WithBaseURL(address.Anthropic),
		anthropicoption.WithAPIKey(called.Key),
		anthropicoption.WithMaxRetries(0),
	)
	Row("anthropic, Messages.New", "the text in capitals", func() error {
		answer, err := other.Messages.New(ctx, anthropic.MessageNewParams{
			Model:     "chat",
			MaxTokens: 9,
			Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("grüezi"))},
		})
		if err != nil {
			return err
		}
		return Same(answer.Content[0].Text, "GRÜEZI")
	})
}
