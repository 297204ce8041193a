import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Did a callback come from Courant, and is its body untouched? */
public final class Verify {
    private Verify() {}

    /** {@code authorization} is the header of that name: {@code TSA customer:signature}. */
    public static boolean telesign(byte[] body, String authorization, String apiKey)
            throws GeneralSecurityException {
        byte[] digest = hmac(Base64.getDecoder().decode(apiKey), body);
        String given = authorization.substring(authorization.lastIndexOf(':') + 1);
        return shared(Base64.getEncoder().encodeToString(digest), given);
    }

    /** {@code signature} is the header {@code x-hub-signature}: hex, without a prefix. */
    public static boolean webex(byte[] body, String signature, String secret)
            throws GeneralSecurityException {
        byte[] digest = hmac(secret.getBytes(StandardCharsets.UTF_8), body);
        return shared(HexFormat.of().formatHex(digest), signature);
    }

    /** For headers that are always the same: Messangi, Kaleyra. Takes the same time wherever they differ. */
    public static boolean shared(String expected, String given) {
        return MessageDigest.isEqual(
                expected.getBytes(StandardCharsets.UTF_8), given.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] hmac(byte[] key, byte[] body) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(body);
    }

    /** {@code java Verify.java SCHEME SECRET HEADER < BODY} looks at a callback by hand. */
    public static void main(String[] arguments) throws Exception {
        String secret = arguments[1];
        String header = arguments[2];
        byte[] body = System.in.readAllBytes();
        boolean genuine = switch (arguments[0]) {
            case "telesign" -> telesign(body, header, secret);
            case "webex" -> webex(body, header, secret);
            case "shared" -> shared(secret, header);
            default -> throw new IllegalArgumentException("unknown scheme " + arguments[0]);
        };
        System.out.println(genuine ? "genuine" : "forged");
        System.exit(genuine ? 0 : 1);
    }
}
