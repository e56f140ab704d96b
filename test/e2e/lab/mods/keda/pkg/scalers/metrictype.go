package scalers

const externalMetricType = "External" // from azure_queue_scaler.go
