"""`python -m r1_verl`."""

from r1_verl.cli import main

raise SystemExit(main())
