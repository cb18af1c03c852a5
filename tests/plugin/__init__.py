"""What stands before any test. Loaded by `-p tests.plugin`; `manage.py test` passes all of it on.

Tests run in several processes, as many as suit the machine; a file or a test that is named runs in
one. `-n 4` and `-n 0` choose how many, and `-p no:xdist` does without.

    --fast                           all but chaos, journeys, browser and tests that commit; few
                                     examples of a property
    --browser                        the browser tests and only they, in one process; need Chromium
    --hypothesis-profile thorough    many examples of each property
    --times 40 --timeout 900         what a test tries several times, so many times as often
"""

pytest_plugins = [
    "tests.plugin.servers",
    "tests.plugin.settings",
    "tests.plugin.databases",
    "tests.plugin.workers",
    "tests.plugin.rooms",
    "tests.plugin.properties",
    "tests.plugin.times",
]
