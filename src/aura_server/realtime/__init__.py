"""OpenAI's Realtime protocol over a conversation by voice."""
