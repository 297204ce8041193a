// Did a callback come from Courant, and is its body untouched?
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
)

// telesign takes the header Authorization: "TSA customer:signature".
func telesign(body []byte, authorization, apiKey string) bool {
	key, err := base64.StdEncoding.DecodeString(apiKey)
	if err != nil {
		return false
	}
	given := authorization[strings.LastIndex(authorization, ":")+1:]
	return shared(base64.StdEncoding.EncodeToString(sign(key, body)), given)
}

// webex takes the header x-hub-signature: hex, without a prefix.
func webex(body []byte, signature, secret string) bool {
	return shared(hex.EncodeToString(sign([]byte(secret), body)), signature)
}

// shared is for headers that are always the same: Messangi, Kaleyra.
func shared(expected, given string) bool {
	return subtle.ConstantTimeCompare([]byte(expected), []byte(given)) == 1
}

func sign(key, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return mac.Sum(nil)
}

// verify SCHEME SECRET HEADER < BODY looks at a callback by hand.
func main() {
	scheme, secret, header := os.Args[1], os.Args[2], os.Args[3]
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	genuine := false
	switch scheme {
	case "telesign":
		genuine = telesign(body, header, secret)
	case "webex":
		genuine = webex(body, header, secret)
	case "shared":
		genuine = shared(secret, header)
	default:
		log.Fatal("unknown scheme ", scheme)
	}
	if !genuine {
		fmt.Println("forged")
		os.Exit(1)
	}
	fmt.Println("genuine")
}
