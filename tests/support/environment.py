"""The environment that tests run in: everything a setting asks for, none of it secret."""

import base64

ENVIRONMENT = {
    "SECRET_KEY": "for tests only, and as long as the deployment checks want a key to be",
    "DEBUG": "false",
    "LOG_LEVEL": "INFO",  # tests read what processes say
    "LOG_FORMAT": "json",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "BASE_URL": "http://testserver",
    "EMAIL_URL": "memorymail://",
    "DEFAULT_FROM_EMAIL": "Junocal <hello@junocal.test>",
    "KLAVIYO_CLIENT_ID": "junocal-under-test",
    "KLAVIYO_CLIENT_SECRET": "client-secret-under-test",
    "KLAVIYO_AUTHORIZE_URL": "http://127.0.0.1:9/oauth/authorize",
    "KLAVIYO_API_URL": "http://127.0.0.1:9",  # nobody listens there
    "KLAVIYO_WEBHOOK_SECRET": "webhook-secret-under-test",
    "TOKEN_ENCRYPTION_KEYS": "test:" + base64.b64encode(b"k" * 32).decode(),
}

# For tools that load the settings and never connect.
NOWHERE = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:9/nowhere",
    "REDIS_URL": "redis://127.0.0.1:9/0",
}
