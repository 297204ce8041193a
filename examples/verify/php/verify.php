<?php

declare(strict_types=1);

// Did a callback come from Courant, and is its body untouched?
// The body's bytes as they came: file_get_contents('php://input').

/** $authorization is the header of that name: `TSA customer:signature`. */
function telesign(string $body, string $authorization, string $apiKey): bool
{
    $digest = hash_hmac('sha256', $body, base64_decode($apiKey), true);
    $parts = explode(':', $authorization);
    return hash_equals(base64_encode($digest), end($parts));
}

/** $signature is the header `x-hub-signature`: hex, without a prefix. */
function webex(string $body, string $signature, string $secret): bool
{
    return hash_equals(hash_hmac('sha256', $body, $secret), $signature);
}

/** For headers that are always the same: Messangi, Kaleyra. */
function shared(string $expected, string $given): bool
{
    return hash_equals($expected, $given);
}

// `php verify.php SCHEME SECRET HEADER < BODY` looks at a callback by hand.
if (PHP_SAPI === 'cli' && realpath($argv[0]) === __FILE__) {
    [, $scheme, $secret, $header] = $argv;
    $body = stream_get_contents(STDIN);
    $genuine = match ($scheme) {
        'telesign' => telesign($body, $header, $secret),
        'webex' => webex($body, $header, $secret),
        'shared' => shared($secret, $header),
    };
    echo $genuine ? 'genuine' : 'forged', PHP_EOL;
    exit($genuine ? 0 : 1);
}
