"""The DAGs and the pages. A package, so that a server that was started for these tests alone ends with them (scope `package`)."""
