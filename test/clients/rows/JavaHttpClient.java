// client: HttpClient of Java
// targets: serve, host
// models: chat
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;

public final class JavaHttpClient {
    public static void main(String[] arguments) {
        String root = Rows.address("chat", "root");
        String chat = Rows.address("chat", "openai") + "/chat/completions";
        String question = "{\"model\":\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}";
        String stream = question.replace("{\"model\"", "{\"stream\":true,\"model\"");
        // The first one is the default: it asks for "Upgrade: h2c" on each first request.
        Map<String, HttpClient.Version> versions =
                Map.of("HTTP/2 preferred", HttpClient.Version.HTTP_2, "HTTP/1.1", HttpClient.Version.HTTP_1_1);
        for (String name : versions.keySet().stream().sorted().toList()) {
            HttpClient.Version version = versions.get(name);
            Rows.row(name + ", GET", "200, over HTTP/1.1", () -> {
                HttpResponse<String> answer = fresh(version).send(to(root + "/health/ready").build(), text());
                Rows.same(answer.statusCode() + " " + answer.version(), "200 HTTP_1_1");
                return answer.body();
            });
            Rows.row(name + ", POST", "the text in capitals", () -> {
                HttpResponse<String> answer = fresh(version).send(post(chat, question), text());
                Rows.same(answer.statusCode(), 200);
                Rows.same(answer.body().contains("\"HELLO\""), true);
                return answer.body();
            });
            Rows.row(name + ", POST of 4 MB", "the same 4 MB", () -> {
                String big = "{\"text\":\"" + "x".repeat(4_000_000) + "\"}";
                HttpResponse<String> answer = fresh(version).send(post(root + "/predict", big), text());
                Rows.same(answer.body(), "{\"echo\":" + big + "}");
                return answer.statusCode();
            });
            Rows.row(name + ", POST, lines of a stream", "[DONE] as the last event", () -> {
                var answer = fresh(version).send(post(chat, stream), HttpResponse.BodyHandlers.ofLines());
                var lines = answer.body().filter(line -> !line.isEmpty()).toList();
                Rows.same(lines.get(lines.size() - 1), "data: [DONE]");
                return lines.size();
            });
            Rows.row(name + ", POST to an unknown route", "404", () -> {
                Rows.same(fresh(version).send(post(root + "/nothing", "{}"), text()).statusCode(), 404);
                return "";
            });
        }
        System.exit(0);
    }

    private static HttpClient fresh(HttpClient.Version version) {
        return HttpClient.newBuilder().version(version).connectTimeout(Duration.ofSeconds(20)).build();
    }

    private static HttpRequest.Builder to(String url) {
        return HttpRequest.newBuilder(URI.create(url))
                .timeout(Duration.ofSeconds(40))
                .header("authorization", "Bearer " + Rows.KEY);
    }

    private static HttpRequest post(String url, String body) {
        return to(url).header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body, StandardCharsets.UTF_8)).build();
    }

    private static HttpResponse.BodyHandler<String> text() {
        return HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8);
    }
}
