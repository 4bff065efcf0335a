%% The same works on Erlang/OTP: gen_server, and supervisor where something is started or crashes.
%% Usage: erl -noshell -pa FOLDER -run otp_bench main TELLS ASKS HOPS ACTORS CRASHES CROWD ROUNDS LONG_ROUNDS
-module(otp_bench).
-behaviour(gen_server).
-export([main/1, child/1, init/1, handle_call/3, handle_cast/2]).

main(Arguments) ->
    logger:set_primary_config(level, none),
    [Tells, Asks, Hops, Actors, Crashes, Crowd, Rounds, Long] = [list_to_integer(A) || A <- Arguments],
    Figures = [{tell, best(Rounds, fun() -> tells(Tells) end) / Tells},
               {ask_idle, best(Rounds, fun() -> asks(Asks) end) / Asks},
               {hop, ring(1000, Hops, Rounds) / Hops},
               {cycle, best(Rounds div 2, fun() -> cycle(Actors) end) / Actors},
               {restart, restart(Crashes)},
               {crowd, best(Long, fun() -> crowd(Crowd) end)}],
    Fields = [io_lib:format("\"~s\": ~.12f", [Key, Ns / 1.0e9]) || {Key, Ns} <- Figures],
    io:format("{~s}~n", [lists:join(", ", Fields)]),
    halt(0).

clock() -> erlang:monotonic_time(nanosecond).
took(Work) -> Began = clock(), Work(), clock() - Began.
best(Rounds, Work) -> lists:min([Work() || _ <- lists:seq(1, Rounds)]).
middle(Values) -> lists:nth(length(Values) div 2 + 1, lists:sort(Values)).
heard(Message) -> receive Message -> ok end.

tells(N) ->
    {ok, Pid} = gen_server:start(?MODULE, {counting, self(), N}, []),
    Ns = took(fun() -> cast(Pid, N), heard(done) end),
    gen_server:stop(Pid),
    Ns.
cast(_, 0) -> ok;
cast(Pid, N) -> gen_server:cast(Pid, N), cast(Pid, N - 1).

asks(N) ->
    {ok, Pid} = gen_server:start(?MODULE, echo, []),
    Ns = took(fun() -> call(Pid, N) end),
    gen_server:stop(Pid),
    Ns.
call(_, 0) -> ok;
call(Pid, N) -> N = gen_server:call(Pid, N), call(Pid, N - 1).

ring(Actors, Hops, Rounds) ->
    Links = [element(2, gen_server:start(?MODULE, {link, self()}, [])) || _ <- lists:seq(1, Actors)],
    [gen_server:call(Link, {follow, Next}) || {Link, Next} <- lists:zip(Links, tl(Links) ++ [hd(Links)])],
    Ns = best(Rounds, fun() -> took(fun() -> gen_server:cast(hd(Links), {hop, Hops}), heard(done) end) end),
    [gen_server:stop(Link) || Link <- Links],
    Ns.

%% A supervisor of its own for each use, linked to nobody.
supervisor() ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, supervisor),
    unlink(Supervisor),
    Supervisor.
ended(Supervisor) ->
    Watch = monitor(process, Supervisor),
    exit(Supervisor, shutdown),
    receive {'DOWN', Watch, _, _, _} -> ok end.
started(Supervisor, State) ->
    {ok, Pid} = supervisor:start_child(Supervisor, [State]),
    Pid.

cycle(N) ->
    Supervisor = supervisor(),
    Me = self(),
    Ns = took(fun() ->
        Pids = [started(Supervisor, {counting, Me, 1}) || _ <- lists:seq(1, N)],
        [gen_server:cast(Pid, 1) || Pid <- Pids],
        [heard(done) || _ <- Pids],
        ended(Supervisor) end),
    Ns.

restart(N) ->
    Supervisor = supervisor(),
    started(Supervisor, {fragile, self()}),
    First = receive {up, Pid} -> Pid end,
    {_, Times} = lists:foldl(fun(_, {Child, Times}) ->
        gen_server:cast(Child, crash),
        Crashed = receive {crashing, At} -> At end,
        Next = receive {up, Again} -> Again end,
        gen_server:cast(Next, next),
        Handled = receive {handled, Then} -> Then end,
        {Next, [Handled - Crashed | Times]} end, {First, []}, lists:seq(1, N)),
    ended(Supervisor),
    middle(Times).

crowd(N) ->
    Supervisor = supervisor(),
    [started(Supervisor, {fragile, self()}) || _ <- lists:seq(1, N)],
    Pids = [receive {up, Pid} -> Pid end || _ <- lists:seq(1, N)],
    Ns = took(fun() ->
        [gen_server:cast(Pid, crash) || Pid <- Pids],
        [receive {up, Pid} -> gen_server:cast(Pid, next) end || _ <- Pids],
        [receive {handled, _} -> ok end || _ <- Pids] end),
    ended(Supervisor),
    Ns.

child(State) -> gen_server:start_link(?MODULE, State, []).

init(supervisor) ->
    {ok, {#{strategy => simple_one_for_one, intensity => 1000000, period => 1},
          [#{id => child, start => {?MODULE, child, []}, restart => permanent}]}};
init({fragile, Tester} = State) -> Tester ! {up, self()}, {ok, State};
init(State) -> {ok, State}.

handle_call({follow, Next}, _, {link, Tester}) -> {reply, ok, {link, Tester, Next}};
handle_call(Message, _, State) -> {reply, Message, State}.

handle_cast(_, {counting, Tester, 1}) -> Tester ! done, {noreply, {counting, Tester, 0}};
handle_cast(_, {counting, Tester, N}) -> {noreply, {counting, Tester, N - 1}};
handle_cast({hop, 0}, {link, Tester, _} = State) -> Tester ! done, {noreply, State};
handle_cast({hop, N}, {link, _, Next} = State) -> gen_server:cast(Next, {hop, N - 1}), {noreply, State};
handle_cast(crash, {fragile, Tester}) -> Tester ! {crashing, clock()}, error(crash);
handle_cast(next, {fragile, Tester} = State) -> Tester ! {handled, clock()}, {noreply, State}.
