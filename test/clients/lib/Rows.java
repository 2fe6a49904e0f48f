// For rows in Java: Rows.row(call, must, check) prints one result; compiled with each file of rows.
import java.util.regex.Matcher;
import java.util.regex.Pattern;

final class Rows {
    interface Check {
        Object run() throws Exception;
    }

    private static final String TARGET = System.getenv("PURLIN_TARGET");

    static final String KEY = text("key");
    static final String KIND = text("kind");

    /** An address of a model, by its name in the target: "root", "openai", "websocket". */
    static String address(String model, String name) {
        Matcher matcher = Pattern.compile("\"" + model + "\":\\{[^}]*?\"" + name + "\":\"([^\"]*)\"").matcher(TARGET);
        if (!matcher.find()) throw new IllegalStateException("no " + name + " of " + model);
        return matcher.group(1);
    }

    static void row(String call, String must, Check check) {
        try {
            print(call, must, true, String.valueOf(check.run()));
        } catch (Throwable error) {
            print(call, must, false, error.toString());
        }
    }

    static void same(Object got, Object wanted) {
        if (!wanted.equals(got)) throw new AssertionError("got " + got + ", wanted " + wanted);
    }

    private static String text(String name) {
        Matcher matcher = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(TARGET);
        return matcher.find() ? matcher.group(1) : "";
    }

    private static void print(String call, String must, boolean ok, String detail) {
        String shown = detail.length() > 800 ? detail.substring(0, 800) : detail;
        System.out.println("{\"row\":{\"call\":" + json(call) + ",\"must\":" + json(must) + ",\"ok\":" + ok
                + ",\"detail\":" + json(shown) + "}}");
    }

    private static String json(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < 0x20) out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }

    private Rows() {}
}
