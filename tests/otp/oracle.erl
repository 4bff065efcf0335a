%% Plays scenarios on OTP's own supervisor and prints what happened, one Erlang term a scenario.
%%
%% oracle:main([Path]) reads Path: terms {Name, Refusals, Tree, Steps}, each ended by a dot.
%%   Tree:  {worker, Id, Restart, Significant}
%%        | {group, Id, Strategy, MaxRestarts, Within, AutoShutdown, Restart, Significant, [Tree]}
%%   Refusals: {Id, Times}: so many first starts fail
%%   Steps: {crash | quit | kill, Id} | {refuse, Id, Times}
%% It prints `Name`, then each line of its trace behind a tab. Scenarios run side by side.
-module(oracle).
-behaviour(gen_server).
-export([main/1, start/2, init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, log/2]).

main([Path]) ->
    ok = logger:remove_handler(default),
    ok = logger:add_handler(trace, ?MODULE, #{level => all}),
    ok = logger:set_primary_config(level, error),
    {ok, Scenarios} = file:consult(Path),
    Running = [spawn_monitor(fun() -> exit({trace, play(S)}) end) || S <- Scenarios],
    lists:foreach(fun({Scenario, {Pid, Ref}}) ->
        receive
            {'DOWN', Ref, process, Pid, {trace, Lines}} ->
                io:format("~s~n~s", [element(1, Scenario), [["\t", Line, "\n"] || Line <- Lines]]);
            {'DOWN', Ref, process, Pid, Why} ->
                io:format("~s~n\tthe oracle failed: ~p~n", [element(1, Scenario), Why])
        end
    end, lists:zip(Scenarios, Running)),
    halt(0).

%% One scenario: a book that writes all lines in order, a root, and the steps one by one.

play({_Name, Refusals, Tree, Steps}) ->
    process_flag(trap_exit, true),
    Book = spawn_link(fun() -> book([], maps:from_list(Refusals)) end),
    put(book, Book),
    case start(Tree, Book) of
        {ok, Root} ->
            settle(Root),
            note(up(Root)),
            lists:foreach(fun(Step) -> step(Root, Step) end, Steps),
            end_root(Root);
        {error, _} ->
            note("root did not start")
    end,
    ask(Book, lines).

step(_Root, {refuse, Id, Times}) ->
    ask(get(book), {refuse, Id, Times}),
    note(["> refuse ", name(Id)]);
step(Root, {How, Id}) ->
    note(["> ", name(How), " ", name(Id)]),
    case find(Root, Id) of
        {ok, Pid} ->
            Ref = monitor(process, Pid),
            strike(How, Pid),
            receive {'DOWN', Ref, process, Pid, _} -> ok end,
            settle(Root);
        none ->
            ok
    end,
    note(up(Root)).

strike(kill, Pid) -> exit(Pid, kill);
strike(How, Pid) -> gen_server:cast(Pid, How).

end_root(Root) ->
    case is_process_alive(Root) of
        true ->
            Ref = monitor(process, Root),
            exit(Root, shutdown),
            receive {'DOWN', Ref, process, Root, _} -> ok end,
            note("the end");
        false ->
            ok
    end.

%% The tree has settled when no supervisor in it waits for a child that is gone already.

settle(Root) ->
    case settled(Root) of
        true -> ok;
        false -> timer:sleep(1), settle(Root)
    end.

settled(Root) -> not is_process_alive(Root) orelse at_rest(Root).

at_rest(Sup) ->
    try supervisor:which_children(Sup) of
        Children ->
            lists:all(
                fun({_, undefined, _, _}) -> true;
                   ({_, restarting, _, _}) -> false;
                   ({_, Child, worker, _}) -> is_process_alive(Child);
                   ({_, Child, supervisor, _}) -> at_rest(Child)
                end, Children)
    catch exit:_ -> false
    end.

up(Root) ->
    case is_process_alive(Root) of
        true -> ["up:" | [[" ", Name] || Name <- lists:sort([name(I) || {I, _} <- running(Root)])]];
        false -> "root is down"
    end.

running(Sup) ->
    lists:flatmap(
        fun({_, Pid, _, _}) when not is_pid(Pid) -> [];
           ({Id, Pid, worker, _}) -> [{Id, Pid}];
           ({Id, Pid, supervisor, _}) -> [{Id, Pid} | running(Pid)]
        end, lists:reverse(supervisor:which_children(Sup))).

find(Root, Id) ->
    case is_process_alive(Root) andalso lists:keyfind(Id, 1, running(Root)) of
        {Id, Pid} -> {ok, Pid};
        _ -> none
    end.

%% The book: one process a scenario, so that its lines have one order.

book(Lines, Refusals) ->
    receive
        {From, {note, Line}} ->
            From ! {self(), ok},
            book([Line | Lines], Refusals);
        {From, {refuse, Id, Times}} ->
            From ! {self(), ok},
            book(Lines, Refusals#{Id => Times});
        {From, {may_start, Id}} ->
            case maps:get(Id, Refusals, 0) of
                0 ->
                    From ! {self(), true},
                    book([["start ", name(Id)] | Lines], Refusals);
                Left ->
                    From ! {self(), false},
                    book([["no start ", name(Id)] | Lines], Refusals#{Id => Left - 1})
            end;
        {From, lines} ->
            From ! {self(), lists:reverse(Lines)}
    end.

ask(Book, What) ->
    Book ! {self(), What},
    receive {Book, Answer} -> Answer end.

note(Line) -> ask(get(book), {note, Line}).

name(Id) -> atom_to_list(Id).

%% Supervisors and workers, both kept by this module.

start({worker, _, _, _} = Tree, Book) -> gen_server:start_link(?MODULE, {Tree, Book}, []);
start(Group, Book) -> supervisor:start_link(?MODULE, {Group, Book}).

init({{worker, Id, _, _}, Book}) ->
    process_flag(trap_exit, true),
    put(book, Book),
    case ask(Book, {may_start, Id}) of
        true -> {ok, Id};
        false -> {stop, not_now}
    end;
init({{group, Id, Strategy, Max, Within, Auto, _, _, Children}, Book}) ->
    put(book, Book),
    put(group, Id),
    Flags = #{strategy => Strategy, intensity => Max, period => Within, auto_shutdown => Auto},
    {ok, {Flags, [spec(Child, Book) || Child <- Children]}}.

spec({worker, Id, Restart, Significant} = Tree, Book) ->
    #{id => Id, start => {?MODULE, start, [Tree, Book]}, restart => Restart,
      significant => Significant, type => worker};
spec({group, Id, _, _, _, _, Restart, Significant, _} = Tree, Book) ->
    #{id => Id, start => {?MODULE, start, [Tree, Book]}, restart => Restart,
      significant => Significant, type => supervisor}.

handle_call(_, _, Id) -> {reply, ok, Id}.

handle_cast(crash, _) -> exit(boom);
handle_cast(quit, Id) -> {stop, normal, Id}.

handle_info(_, Id) -> {noreply, Id}.

terminate(Reason, Id) when Reason =:= normal; Reason =:= shutdown -> note(["stop ", name(Id)]);
terminate(_, _) -> ok.

%% A logger handler, called in the process that logs: here a supervisor that gives up.

log(#{msg := {report, #{report := Report}}}, _) when is_list(Report) ->
    case {get(group), proplists:get_value(reason, Report)} of
        {undefined, _} -> ok;
        {Group, reached_max_restart_intensity} -> note(["gave up ", name(Group)]);
        _ -> ok
    end;
log(_, _) -> ok.
