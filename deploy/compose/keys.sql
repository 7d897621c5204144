CREATE DATABASE coffer_keys OWNER coffer;
