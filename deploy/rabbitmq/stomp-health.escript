#!/usr/bin/env escript
%% Healthy means: STOMP over TLS answers a client certificate with CONNECTED. Erlang's own client, since the image surely has that.
main(_) ->
    {ok, _} = application:ensure_all_started(ssl),
    Files = [{cacertfile, "/etc/ssm-broker/ca.pem"}, {certfile, "/etc/ssm-broker/hostcert.pem"}, {keyfile, "/etc/ssm-broker/hostkey.pem"}],
    %% The certificate's names are the clients' to check: here it is our own broker on our own loopback.
    Options = Files ++ [{verify, verify_peer}, {verify_fun, {fun verify/3, none}}, {server_name_indication, disable}, {active, false}, binary],
    {ok, Socket} = ssl:connect("127.0.0.1", 61614, Options, 5000),
    ok = ssl:send(Socket, <<"CONNECT\naccept-version:1.2\nhost:/\nheart-beat:0,0\n\n", 0>>),
    {ok, Answer} = ssl:recv(Socket, 0, 5000),
    case Answer of
        <<"CONNECTED", _/binary>> -> ssl:send(Socket, <<"DISCONNECT\n\n", 0>>), ssl:close(Socket), halt(0);
        _ -> io:format("~s~n", [Answer]), halt(1)
    end.

verify(_Certificate, {extension, _}, State) -> {unknown, State};
verify(_Certificate, {bad_cert, _} = Fault, _State) -> {fail, Fault};
verify(_Certificate, _Valid, State) -> {valid, State}.
