vcl 4.1;

backend app {
    .host = "127.0.0.1";
    .port = "3000";
}

sub vcl_recv {
    # The app believes it, so no client may set it.
    set req.http.X-Forwarded-For = client.ip;
    unset req.http.X-Forwarded-Proto;

    # Straight through: one thread for each stream, and the app is told at once of a client that leaves.
    if (req.url ~ "^/sse/" && req.proto ~ "^HTTP/1") {
        return (pipe);
    }
}
