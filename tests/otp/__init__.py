"""The same scenarios on Erlang/OTP's own supervisor and on ours."""
