#!/bin/sh
# Keeps a token for an account that has installed the app, and reads it back.
#   coffer dev -- sh examples/curl/secrets.sh
set -eu

api() {
  curl --silent --show-error --fail-with-body --user "$STRIPE_API_KEY:" \
    --header "Stripe-Account: acct_acme" "$@"
  echo
}

api "$STRIPE_API_BASE/v1/apps/secrets" --data name=oauth --data payload=xoxb-1 \
  --data "scope[type]=account"
api --get "$STRIPE_API_BASE/v1/apps/secrets/find" --data name=oauth \
  --data "scope[type]=account" --data "expand[]=payload"
api "$STRIPE_API_BASE/v1/apps/secrets/delete" --data name=oauth --data "scope[type]=account"
